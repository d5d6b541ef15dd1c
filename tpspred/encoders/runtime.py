"""How a language model runs: weight file, device, precision. Importing it loads nothing heavy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Runtime:
    """Options of a run of ESM-2. None of them changes what a vector means; None is the default.

    Attributes:
        weights: Weight file. By default it is looked for (see ``esm2_weights.locate``).
        device: ``auto`` (the default), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: Precision of the matrix products: ``float32``, ``bfloat16`` or ``float16``. By
            default float32 on a CPU, and bfloat16 or float16 on a GPU.
        attention: ``fused`` (the default), or ``original`` for fair-esm's own forward pass.
        batch_residues: Residues per pass. By default one window on a CPU and 16,384 residues on a
            GPU.
    """

    weights: str | None = None
    device: str | None = None
    precision: str | None = None
    attention: str | None = None
    batch_residues: int | None = None

    def given(self) -> dict[str, str | int]:
        """Return the options that have been set, by name.

        >>> Runtime(device="cpu").given()
        {'device': 'cpu'}
        """
        return {name: value for name, value in vars(self).items() if value is not None}
