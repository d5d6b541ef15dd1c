"""An annotation of a genome (GFF3) with what the calls add to it, and no other byte changed."""

import itertools
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..io import files
from ..model.calls import Call
from .genome_lift import CDS, Annotation, CodingKey, Feature, coding_keys, read_features
from .gff3 import annotation_attributes, attribute_text

TRANSCRIPTS = ("mRNA", "transcript")
PRODUCT = "product"

Attributes = Mapping[str, str | tuple[str, ...]]  # value or values by name


def annotate(
    content: bytes, name: str, calls: Iterable[Call], replace_product: bool = False
) -> Iterator[bytes]:
    """Yield the lines of an annotation, those of called proteins with more attributes.

    The transcripts and the CDS of a called protein get ``Dbxref``, ``Ontology_term`` and
    ``product``. Values that are there already stay, and are not repeated.

    Args:
        content: The GFF3 file, not compressed.
        name: Its name, for messages.
        calls: Calls of its proteins.
        replace_product: Whether a ``product`` that is there already is replaced.

    Raises:
        InputError: If a line is no GFF3, with file and line, or if none of the called proteins is
            in it.
    """
    annotation = Annotation(files.in_memory(content, name))
    # By the key of a coding sequence, or the ID of its transcript.
    added: dict[CodingKey | str, list[Attributes]] = {}
    for call in calls:
        if call.is_called and annotation.place(call.id, call.length_aa) is not None:
            own = annotation_attributes(call)
            for key in annotation.keys(call.id):
                transcript, _ = key
                added.setdefault(key, []).append(own)
                added.setdefault(transcript, []).append(own)
    annotation.check()
    additions_of: dict[int, list[Attributes]] = {}  # by the number of a line
    for feature in read_features(files.in_memory(content, name)):
        additions = [added[key] for key in _keys(feature) if key in added]
        if additions:
            additions_of[feature.line] = list(itertools.chain.from_iterable(additions))
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        for attributes in additions_of.get(number, ()):
            line = _with_attributes(line, attributes, replace_product)
        yield line


def _keys(feature: Feature) -> Sequence[CodingKey | str]:
    """Return the keys of a CDS or the ID of a transcript, and nothing for other features."""
    if feature.kind == CDS:
        return coding_keys(feature)
    if feature.kind in TRANSCRIPTS and "ID" in feature.attributes:
        return [feature.attributes["ID"]]
    return []


def _with_attributes(line: bytes, attributes: Attributes, replace_product: bool) -> bytes:
    """Return a line of GFF3 with more attributes, and with its own line end."""
    row = line.rstrip(b"\r\n")
    before, _, column = row.rpartition(b"\t")
    text = column.decode()
    for key, value in attributes.items():
        if key == PRODUCT and replace_product:
            text = _set(text, key, attribute_text(value))
        elif key == PRODUCT:
            text = text if _has(text, key) else _append(text, key, attribute_text(value))
        else:
            text = _merged(text, key, value)
    return before + b"\t" + text.encode() + line[len(row) :]


def _key(pair: str) -> str:
    """Return the name of an attribute."""
    return pair.partition("=")[0].strip()


def _has(text: str, key: str) -> bool:
    """Return whether a column of attributes has one of a name."""
    return key in map(_key, text.split(";"))


def _append(text: str, key: str, value: str) -> str:
    """Return a column of attributes with one more; it ends in ``;`` if it did before.

    >>> _append("ID=a", "product", "b"), _append("ID=a;", "product", "b"), _append(".", "c", "d")
    ('ID=a;product=b', 'ID=a;product=b;', 'c=d')
    """
    if text.strip() in ("", "."):
        return f"{key}={value}"
    if text.rstrip().endswith(";"):
        return f"{text.rstrip()}{key}={value};"
    return f"{text};{key}={value}"


def _set(text: str, key: str, value: str) -> str:
    """Return a column of attributes in which one has a value, at its place if it was there.

    >>> _set("ID=a;product=b;Name=c", "product", "d")
    'ID=a;product=d;Name=c'
    """
    if not _has(text, key):
        return _append(text, key, value)
    pairs = [f"{key}={value}" if _key(pair) == key else pair for pair in text.split(";")]
    return ";".join(pairs)


def _merged(text: str, key: str, values: str | tuple[str, ...]) -> str:
    """Return a column of attributes in which a list has these values too.

    >>> _merged("ID=a;Dbxref=EC:4.2.3.47,Pfam:PF01397", "Dbxref", ("EC:4.2.3.47", "CHEBI:39241"))
    'ID=a;Dbxref=EC:4.2.3.47,Pfam:PF01397,CHEBI:39241'
    """
    own = [pair.partition("=")[2].strip() for pair in text.split(";") if _key(pair) == key]
    known = {urllib.parse.unquote(value.strip()) for part in own for value in part.split(",")}
    wanted = (values,) if isinstance(values, str) else values
    new = tuple(value for value in wanted if value not in known)
    if not new:
        return text
    if not own:
        return _append(text, key, attribute_text(new))
    pairs = text.split(";")
    last = max(k for k, pair in enumerate(pairs) if _key(pair) == key)
    pairs[last] = f"{key}={','.join([*filter(None, own[-1:]), attribute_text(new)])}"
    return ";".join(pairs)
