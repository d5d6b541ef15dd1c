"use strict"
const data = JSON.parse(document.getElementById("data").textContent)
const SVG = "http://www.w3.org/2000/svg"
const STATUS_ORDER = Object.keys(data.statuses)
const FIRST_ROWS = 30, MORE_ROWS = 200 // rows that are made at once, and in each step after that
const SMALL = 0.62, LARGE = 1.15 // pixels per unit of a drawing
const SHOWN_PRODUCTS = 3, DRAWN_PRODUCTS = 5 // at most, in a row and in the reaction
const WORTH_A_PICTURE = 0.05 // probability of a product, beside the likeliest
// Accessions as UniProt describes them (uniprot.org/help/accession_numbers); any other is GenBank's.
const UNIPROT = /^([OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d([A-Z][A-Z\d]{2}\d){1,2})$/
const byId = id => document.getElementById(id)

// Elements. Every text becomes a text node, so that no name is ever read as HTML.
function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children)
}
function draw(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children)
}
function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value)
  }
  element.append(...children.flat().filter(child => child !== null && child !== "").map(printable))
  return element
}
// What is invisible or turns the text around it, such as U+202E, is shown by its code.
function printable(child) {
  if (typeof child !== "string") return child
  return child.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, letter => `\\u${letter.codePointAt(0).toString(16).padStart(4, "0")}`)
}
function link(address, text) {
  return make("a", {href: address, target: "_blank", rel: "noopener"}, text)
}

// Numbers and words.
function shown(probability) {
  if (probability >= 0.9995) return ">0.999"
  if (probability >= 0.995) return probability.toFixed(3)
  return probability > 0 && probability < 0.005 ? "<0.01" : probability.toFixed(2)
}
const share = value => value >= 0.99995 ? "1.00" : shown(value) // of an identity or similarity
const tier = probability => data.tiers.find(([, least]) => probability >= least)[0]
const joined = (parts, between) => parts.flatMap((part, i) => i ? [between, part] : [part])
const typeWords = type => data.types[type] || type

// Proteins: the cells of the table by column, with numbers as numbers.
const column = Object.fromEntries(data.columns.map((name, i) => [name, i]))
const proteins = data.proteins.map((protein, index) => {
  const cell = name => protein.cells[column[name]]
  const list = name => ["NA", "none", undefined].includes(cell(name)) ? [] : cell(name).split(";")
  const number = name => Number(cell(name)) || 0
  const called = protein.ensembles.filter(([,, isCalled]) => isCalled).map(([place, probability]) =>
    ({...data.ensembles[place], probability}))
  const near = protein.neighbours.map(([enzyme, similarity, identity, agrees, alignment]) =>
    ({...data.enzymes[enzyme], similarity, identity, agrees, alignment}))
  return {...protein, index, cell, list, number, called, near, id: cell("id"), status: cell("status"), type: cell("product_type"),
    probability: number("tps_probability"), flags: list("flags"), products: protein.products.map(([place, probability]) =>
      ({...data.molecules[place], probability}))}
})
// What the search field looks through, made when something is looked for.
const textOf = new Map()
function searched(protein) {
  if (!textOf.has(protein)) {
    const {id, status, type, enzyme, flags, cell, called, products, near, motifs} = protein
    textOf.set(protein, [id, status, data.statuses[status], type, typeWords(type), enzyme, ...flags, cell("source") || "",
      cell("locus_group") || "", ...called.flatMap(one => [one.slug, one.words]), ...products.map(one => one.name),
      ...near.flatMap(one => [one.id, ...one.accessions, ...one.species, ...one.products]), ...motifs.map(motif => motif[0]),
      cell("ec"), cell("go"), cell("chebi"), cell("rhea")].join(" ").toLowerCase())
  }
  return textOf.get(protein)
}

// Pictures. Each structure is in the page once; every other place refers to it.
const symbols = draw("svg", {width: 0, height: 0, "aria-hidden": "true", style: "position:absolute"})
const symbolOf = new Map()
document.body.prepend(symbols)
function molecule(drawing, scale, name) {
  if (!drawing) return null
  const [width, height, lines, shapes] = drawing
  if (!symbolOf.has(lines)) {
    const id = `molecule-${symbolOf.size}`
    symbolOf.set(lines, id)
    symbols.append(draw("symbol", {id, viewBox: `0 0 ${width} ${height}`},
      draw("path", {d: lines, fill: "none", stroke: "currentColor", "stroke-linecap": "round"}),
      shapes ? draw("path", {d: shapes, fill: "currentColor"}) : null))
  }
  const size = {width: Math.round(width * scale), height: Math.round(height * scale)}
  return draw("svg", {class: "molecule", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `structure of ${name}`, ...size},
    draw("use", {href: `#${symbolOf.get(lines)}`}))
}
const MARKS = {tps: "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", uncertain: "M0-6l6 6l-6 6l-6-6z", related: "M0-5.5l5.5 10h-11z"}
function mark(status) {
  return draw("svg", {class: `mark ${status}`, viewBox: "-7 -7 14 14", "aria-hidden": "true"}, draw("path", {class: status, d: MARKS[status]}))
}
for (const place of document.querySelectorAll("svg.mark:empty")) place.replaceWith(mark(place.classList[1]))

// Links.
function enzymeLinks(enzyme) {
  return joined([link("https://www.marts-db.org", enzyme.id), ...enzyme.accessions.map(name => {
    const page = UNIPROT.test(name) ? "https://www.uniprot.org/uniprotkb/" : "https://www.ncbi.nlm.nih.gov/protein/"
    return link(page + encodeURIComponent(name), name)
  })], " · ")
}
const TERMS = {
  ec: number => link(`https://enzyme.expasy.org/EC/${encodeURIComponent(number)}`, number),
  rhea: name => link(`https://www.rhea-db.org/rhea/${encodeURIComponent(name.replace("RHEA:", ""))}`, name),
  chebi: name => link(`https://www.ebi.ac.uk/chebi/searchId.do?chebiId=${encodeURIComponent(name)}`, name),
  go: name => link(`https://amigo.geneontology.org/amigo/term/${encodeURIComponent(name)}`, name),
}
const TERM_NAMES = {ec: "EC number", rhea: "Reaction (Rhea)", chebi: "Product (ChEBI)", go: "Function (GO)"}

// Rows.
const rowOf = new Map()
const chosen = new Set()
function row(protein) {
  if (!rowOf.has(protein)) rowOf.set(protein, makeRow(protein))
  return rowOf.get(protein)
}
function makeRow(protein) {
  const label = text => make("span", {class: "label"}, text)
  const near = protein.near[0]
  const place = ["source", "locus_group"].map(protein.cell).filter(text => text && text !== "NA").join(" · ")
  const box = make("input", {type: "checkbox", tabindex: -1, "aria-label": `select ${protein.id}`, onchange: () => choose(protein, box.checked)})
  const head = make("div", {class: "row", role: "row", tabindex: 0, "aria-expanded": "false"},
    make("div", {class: "cell", role: "gridcell"}, box),
    make("div", {class: "cell wide2", role: "rowheader"}, make("span", {class: "id", title: protein.id}, protein.id),
      make("small", {}, protein.enzyme), place && make("small", {}, place), protein.flags.map(flag)),
    make("div", {class: "cell", role: "gridcell"}, label("terpene synthase?"),
      make("span", {class: `status ${protein.status}`}, mark(protein.status), data.statuses[protein.status]),
      make("small", {}, `probability ${shown(protein.probability)}`)),
    make("div", {class: "cell", role: "gridcell"}, label("makes"), typeWords(protein.type),
      make("small", {}, sure(protein.number("product_type_probability")))),
    make("div", {class: "cell wide2", role: "gridcell"}, label("likeliest products"),
      make("div", {class: "products"}, drawn(protein, SHOWN_PRODUCTS).map(one => product(one, SMALL))),
      protein.called.map(one => make("span", {class: "chip", title: one.slug}, one.words, " ", make("small", {}, tier(one.probability))))),
    make("div", {class: "cell wide2", role: "gridcell"}, near ? [label("nearest known enzyme"),
      make("span", {class: "clip"}, near.products.join(", ")), make("small", {class: "clip"}, near.species.join("; ")),
      make("small", {}, `typical identity ${share(near.identity)}`)] : "none"))
  const body = make("div", {class: "protein", "data-index": protein.index}, head)
  head.addEventListener("click", event => {
    if (!event.target.closest("a, input, label") && !String(getSelection())) unfold(body, protein)
  })
  return body
}
const sure = probability => `${shown(probability)} · ${tier(probability)}`
function flag(name) {
  const [short, sentence] = data.flags[name] || [name.replaceAll("_", " "), name]
  return make("span", {class: name === "characterised" ? "flag known" : "flag", title: sentence}, short)
}
const drawn = (protein, most) => protein.products.filter((one, place) => !place || one.probability >= WORTH_A_PICTURE).slice(0, most)
function product(one, scale) {
  return make("span", {class: "product"}, molecule(one.drawing, scale, one.name), make("span", {class: "clip", title: one.name}, one.name),
    make("small", {}, shown(one.probability)))
}
function choose(protein, isChosen) {
  chosen[isChosen ? "add" : "delete"](protein)
  count()
}

// Evidence, which is made when a row is unfolded for the first time.
function unfold(body, protein, open = !body.classList.contains("open")) {
  body.classList.toggle("open", open)
  body.firstChild.setAttribute("aria-expanded", open)
  if (open && !body.lastChild.classList.contains("detail")) body.append(detail(protein, Math.min(body.clientWidth - 32, 1200)))
  if (body.lastChild.classList.contains("detail")) body.lastChild.hidden = !open
}
function detail(protein, width) {
  const probability = `${shown(protein.probability)} that it is a terpene synthase`
  const words = [`${protein.number("length")} residues`, probability]
  if (protein.cell("tps_class") !== "NA") words.push(`class ${protein.cell("tps_class")}`)
  for (const [name, text] of [["source", "from"], ["locus_group", "group of neighbouring genes"]])
    if (protein.cell(name) && protein.cell(name) !== "NA") words.push(`${text} ${protein.cell(name)}`)
  const terms = Object.keys(TERMS).filter(name => protein.list(name).length)
  const set = protein.list("ensemble_set")
  return make("div", {class: "detail"},
    make("p", {class: "full"}, protein.id), make("p", {}, `${protein.enzyme}. `, make("small", {}, words.join(" · "))),
    protein.flags.length ? make("ul", {class: "notes"}, protein.flags.map(name => make("li", {}, flag(name), " ", (data.flags[name] || ["", ""])[1]))) : null,
    reaction(protein), track(protein, width),
    make("div", {class: "columns"},
      make("section", {}, make("h3", {}, "Ensembles, most likely first"), protein.ensembles.map(([place, value, called]) => {
        const {slug, words, threshold} = data.ensembles[place]
        return level(words, slug, value, called, threshold)
      }), set.length ? make("p", {}, make("small", {}, `Set with the wanted coverage: ${set.join(", ")}`)) : null,
      protein.products.length ? make("h3", {}, "Products, most likely first") : null,
      protein.products.map(one => level(one.name, one.formula, one.probability, false, null))),
      make("section", {}, make("h3", {}, "Nearest characterised enzymes"), make("div", {class: "enzymes"}, protein.near.map(enzyme)),
        terms.length ? [make("h3", {}, "Identifiers"), make("dl", {class: "terms"}, terms.flatMap(name =>
          [make("dt", {}, TERM_NAMES[name]), make("dd", {}, joined(protein.list(name).map(TERMS[name]), ", "))]))] : null)))
}
function level(words, title, value, called, threshold) {
  const reachable = threshold !== null && threshold <= 1
  const limit = threshold === null ? "" : reachable ? `, called from ${threshold.toFixed(2)}` : ", never called"
  return make("div", {class: called ? "level called" : "level", title: `${title || words}${limit}`}, make("span", {}, words),
    make("i", {}, make("b", {style: `width:${(100 * value).toFixed(1)}%`}), reachable ? make("u", {style: `left:${(100 * threshold).toFixed(1)}%`}) : null),
    make("span", {}, shown(value), called || threshold === null ? make("small", {}, ` ${tier(value)}`) : null))
}
function reaction(protein) {
  const likely = drawn(protein, DRAWN_PRODUCTS)
  if (!protein.substrate || !likely.length) return null
  const [name, probability] = protein.substrate
  const parts = data.substrates[name]
  // An extender is needed beside the starter; other substrates are alternatives.
  const between = parts.some(part => part.name.startsWith("isopentenyl")) ? "+" : "or"
  const substrates = parts.map(part => make("span", {class: "product"}, molecule(part.drawing, LARGE, part.name), make("b", {}, part.name)))
  const links = one => joined([
    ...(one.chebi ? [TERMS.chebi(one.chebi)] : []), ...one.rhea.map(TERMS.rhea), ...one.ec.map(number => TERMS.ec(number)),
  ], " · ")
  return make("section", {}, make("h3", {}, "Reaction"), make("div", {class: "reaction"},
    make("span", {}, joined(substrates, between)), make("span", {class: "arrow", role: "img", "aria-label": "gives"}, "→"),
    make("span", {}, likely.map(one => make("span", {class: "product"}, molecule(one.drawing, LARGE, one.name), make("b", {}, one.name),
      make("span", {}, sure(one.probability)), make("small", {}, links(one)))))),
    make("p", {}, make("small", {}, `Likeliest substrate: ${name} (${sure(probability)}). Products without stereochemistry.`)))
}
function enzyme(near) {
  const words = {true: "makes a product of a called ensemble", false: "makes no product of a called ensemble", null: "no ensemble is called"}
  const numbers = [`similarity ${share(near.similarity)}`, `typical identity ${share(near.identity)}`]
  if (near.alignment) numbers.push(`aligned identity ${share(near.alignment[0])}`, `coverage ${share(near.alignment[1])}`, `E-value ${near.alignment[2]}`)
  return make("div", {class: near.agrees ? "enzyme agrees" : "enzyme"}, make("p", {}, near.products.join(", ")),
    make("p", {}, make("i", {}, near.species.join("; ")), near.species.length ? " · " : "", enzymeLinks(near)),
    make("p", {}, make("small", {}, `${numbers.join(" · ")} · ${words[near.agrees]}`)))
}

// Domains and motifs along a protein.
function track(protein, width) {
  const length = protein.number("length"), x = residues => (6 + (width - 12) * residues / length).toFixed(1)
  const ends = [], names = []
  const picture = draw("svg", {role: "img", "aria-label": "domains and motifs"}, draw("path", {class: "line", d: `M${x(0)} 24H${x(length)}`}))
  for (const [region, profile, start, end, bits] of protein.domains) {
    const name = `${data.regions[region] || region} ${start}–${end}`, from = Number(x(start - 1)), wide = x(end) - from
    picture.append(draw("rect", {class: "domain", x: from, y: 13, width: wide.toFixed(1), height: 22, rx: 3},
      draw("title", {}, `${name}, profile ${profile}, ${bits} bits`)))
    if (wide > 6.4 * name.length) picture.append(draw("text", {x: (from + wide / 2).toFixed(1), y: 28, "text-anchor": "middle"}, name))
    else names.push(name)
  }
  for (const [motif, state, start, end, residues, metals] of protein.motifs) {
    const name = `${motif} ${start}`, half = 3.3 * name.length
    const middle = Number(x((start + end - 1) / 2)), text = Math.min(Math.max(middle, half), width - half)
    picture.append(draw("path", {class: `motif ${state}`, d: `M${(middle - 5).toFixed(1)} 46h10l-5-10z`}, draw("title", {}, `${motif} ${start}–${end} ${residues}, ${state}`)))
    for (const position of metals)
      picture.append(draw("circle", {class: "metal", cx: x(position - 0.5), cy: 8, r: 2.5}, draw("title", {}, `residue ${position} binds magnesium`)))
    let line = ends.findIndex(last => last < text - half - 4)
    if (line < 0) line = ends.length
    ends[line] = text + half
    picture.append(draw("text", {x: text.toFixed(1), y: 58 + 13 * line, "text-anchor": "middle"}, name))
  }
  const height = 52 + 13 * ends.length + 6
  fill(picture, {viewBox: `0 0 ${width} ${height}`, width, height}, [])
  const motifs = protein.motifs.map(([motif, state, start, end, residues]) => `${motif} ${start}–${end} ${residues}${state === "intact" ? "" : ` (${state})`}`)
  return make("section", {}, make("h3", {}, "Domains and motifs"), make("div", {class: "track"}, picture),
    make("p", {}, make("small", {}, [...names, ...motifs].join(" · ") || "No motif.")),
    make("button", {type: "button", class: "small", onclick: () => savePicture(picture, `${fileName(protein.id)}_domains.svg`)}, "Save picture (SVG)"))
}

// Filter and sort.
const find = byId("find"), filters = {status: byId("status"), type: byId("type"), ensemble: byId("ensemble")}
const collator = new Intl.Collator(undefined, {numeric: true})
let visible = [], drawing = 0
const DOWN = new Set(["tps_probability", "nearest_similarity", "length"])
const order = {key: "matter", down: false}
// Terpene synthases first, those whose products are surest on top; related enzymes last.
const sureness = protein => protein.called.length ? protein.called[0].probability : 0
function matter(a, b) {
  return STATUS_ORDER.indexOf(a.status) - STATUS_ORDER.indexOf(b.status)
    || data.tiers.findIndex(([, least]) => a.probability >= least) - data.tiers.findIndex(([, least]) => b.probability >= least)
    || sureness(b) - sureness(a) || b.probability - a.probability
}
function compare(a, b) {
  const {key, down} = order
  let sign = 0
  if (key === "matter") sign = matter(a, b)
  else if (DOWN.has(key)) sign = a.number(key) - b.number(key)
  else if (key !== "input") sign = collator.compare(a.cell(key), b.cell(key))
  return (down ? -sign : sign) || a.index - b.index
}
function update() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean)
  visible = proteins.filter(protein => words.every(word => searched(protein).includes(word))
    && (!filters.status.value || protein.status === filters.status.value)
    && (!filters.type.value || protein.type === filters.type.value)
    && (!filters.ensemble.value || protein.called.some(one => one.slug === filters.ensemble.value)))
  visible.sort(compare)
  byId("nothing").hidden = visible.length > 0
  byId("reset").hidden = visible.length === proteins.length
  for (const bar of document.querySelectorAll(".bar")) bar.setAttribute("aria-pressed", filters[bar.dataset.filter].value === bar.dataset.value)
  const seen = new Set(visible)
  for (const point of document.querySelectorAll(".point")) point.classList.toggle("out", !seen.has(proteins[point.dataset.index]))
  for (const head of document.querySelectorAll("[data-sort]")) {
    if (head.dataset.sort === order.key) head.setAttribute("aria-sort", order.down ? "descending" : "ascending")
    else head.removeAttribute("aria-sort")
  }
  count()
  byId("rows").replaceChildren()
  show(FIRST_ROWS)
}
// Puts the next rows into the page, and the others a little later, so that a long list opens at once.
function show(number) {
  const rows = byId("rows")
  clearTimeout(drawing)
  rows.append(...visible.slice(rows.childElementCount, rows.childElementCount + number).map(row))
  if (rows.childElementCount < visible.length) afterPaint(() => {
    clearTimeout(drawing)
    drawing = setTimeout(show, 0, MORE_ROWS)
  })
}
const afterPaint = work => requestAnimationFrame(() => setTimeout(work))
function count() {
  const some = chosen.size
  const all = visible.length.toLocaleString("en"), most = proteins.length.toLocaleString("en")
  byId("shown").textContent = `${all} of ${most} shown${some ? `, ${some} selected` : ""}`
  byId("save-table").textContent = `Save table of ${some ? `${some} selected` : `${all} shown`} (TSV)`
  byId("save-sequences").textContent = `Save sequences of ${some ? `${some} selected` : `${all} shown`} (FASTA)`
}
function sortBy(key, down = DOWN.has(key)) {
  Object.assign(order, {key, down})
  byId("sort").value = key
  update()
}
function open(protein) {
  if (!visible.includes(protein)) reset()
  while (!row(protein).isConnected) show(MORE_ROWS)
  unfold(row(protein), protein, true)
  row(protein).scrollIntoView({block: "start"})
  row(protein).firstChild.focus({preventScroll: true})
}
function reset() {
  find.value = ""
  for (const select of Object.values(filters)) select.value = ""
  update()
}

// Files.
function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], {type}))
  const anchor = make("a", {href: address, download: name})
  document.body.append(anchor)
  anchor.click()
  anchor.remove()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
const fileName = id => id.replace(/[^\w.-]+/g, "_").slice(0, 60)
const saved = () => chosen.size ? [...chosen].sort(compare) : visible
const table = () => [data.columns, ...saved().map(protein => protein.cells)].map(cells => cells.join("\t") + "\n").join("")
const fasta = () => saved().map(protein => `>${protein.id}\n${protein.sequence.replace(/.{1,60}/g, "$&\n")}`).join("")
const PAINT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "font-family", "font-size"]
// A picture by itself has no style sheet, so every shape gets what the page's style gives it.
function savePicture(picture, name) {
  const copy = picture.cloneNode(true), shapes = picture.querySelectorAll("*")
  copy.querySelectorAll("*").forEach((shape, i) => {
    const style = getComputedStyle(shapes[i])
    if (shapes[i].tagName !== "title") shape.setAttribute("style", PAINT.map(key => `${key}:${style.getPropertyValue(key)}`).join(";"))
    shape.removeAttribute("class")
  })
  copy.setAttribute("xmlns", SVG)
  copy.style.background = getComputedStyle(document.body).backgroundColor
  save(name, new XMLSerializer().serializeToString(copy), "image/svg+xml")
}

// Similarity to the nearest enzyme against probability.
function scatter(place) {
  const width = Math.min(Math.max(place.clientWidth, 300), 700), height = 330, left = 38, bottom = 36, top = 10, right = 12
  const similar = proteins.filter(protein => protein.near.length)
  const least = Math.min(data.minSimilarity, ...similar.map(protein => protein.near[0].similarity))
  const begin = Math.max(0, Math.floor(10 * least - 0.2) / 10)
  const x = value => (left + 8 + (width - left - right - 16) * (value - begin) / (1 - begin)).toFixed(1)
  const y = value => (height - bottom - 8 - (height - bottom - top - 16) * value).toFixed(1)
  const picture = draw("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "similarity to the nearest enzyme and probability of each protein"},
    draw("path", {class: "axis", fill: "none", d: `M${left} ${top}V${height - bottom}H${width - right}`}))
  for (let value = 1; value > begin - 0.001; value -= begin < 0.5 ? 0.2 : 0.1)
    picture.append(draw("text", {x: x(value), y: height - bottom + 14, "text-anchor": "middle"}, value.toFixed(1)))
  for (const value of [0, 0.5, 1]) picture.append(draw("text", {x: left - 5, y: Number(y(value)) + 4, "text-anchor": "end"}, value.toFixed(1)))
  picture.append(draw("text", {x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle"}, "similarity to the nearest characterised enzyme"),
    draw("text", {x: 10, y: (height - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${(height - bottom) / 2})`}, "probability"))
  const limit = (d, text, at) => picture.append(draw("path", {class: "limit", d}), draw("text", at, text))
  limit(`M${left} ${y(data.tpsThreshold)}H${width - right}`, "called from here on", {x: left + 4, y: y(data.tpsThreshold) - 4})
  if (data.minSimilarity > begin)
    limit(`M${x(data.minSimilarity)} ${top}V${height - bottom}`, "far from known enzymes, if left of this", {x: Number(x(data.minSimilarity)) + 5, y: height - bottom - 42})
  for (const protein of [...similar].sort(compare).reverse()) {
    picture.append(draw("path", {class: `point ${protein.status}`, d: MARKS[protein.status], "data-index": protein.index,
      transform: `translate(${x(protein.near[0].similarity)} ${y(protein.probability)})`}))
  }
  const tip = byId("tip")
  picture.addEventListener("pointermove", event => {
    const point = event.target.closest(".point")
    tip.hidden = !point
    if (!point) return
    const protein = proteins[point.dataset.index]
    tip.textContent = printable(`${protein.id}: ${data.statuses[protein.status]} ${shown(protein.probability)}, ${protein.enzyme}; similarity ${share(protein.near[0].similarity)}`)
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`
    tip.style.top = `${event.clientY + 14}px`
  })
  picture.addEventListener("pointerleave", () => tip.hidden = true)
  picture.addEventListener("click", event => {
    const point = event.target.closest(".point")
    if (point) open(proteins[point.dataset.index])
  })
  place.append(picture)
  byId("save-scatter").addEventListener("click", () => savePicture(picture, "tpspred_similarity.svg"))
}

function keys(event) {
  const here = event.target.closest(".row")
  if (!here || event.target !== here) return
  const body = here.parentElement, protein = proteins[body.dataset.index]
  const step = {ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling"}[event.key]
  if (step) {
    if (!body[step]) return
    body[step].firstChild.focus()
  } else if (event.key === "Enter" || event.key === " ") unfold(body, protein)
  else if (event.key === "x") body.querySelector("input").click()
  else return
  event.preventDefault()
}

if (proteins.length) {
  const choices = {status: protein => [[protein.status, data.statuses[protein.status]]], type: protein => [[protein.type, typeWords(protein.type)]],
    ensemble: protein => protein.called.map(one => [one.slug, one.words])}
  for (const [name, of] of Object.entries(choices)) {
    const options = new Map(proteins.flatMap(of))
    for (const [value, words] of [...options].sort((a, b) => collator.compare(a[1], b[1]))) filters[name].append(make("option", {value}, words))
    filters[name].addEventListener("input", update)
  }
  find.addEventListener("input", update)
  document.querySelector("form").addEventListener("submit", event => event.preventDefault())
  byId("sort").addEventListener("input", event => sortBy(event.target.value))
  byId("reset").addEventListener("click", reset)
  for (const head of document.querySelectorAll("[data-sort]")) {
    const key = head.dataset.sort
    head.firstChild.addEventListener("click", () => sortBy(key, order.key === key ? !order.down : undefined))
  }
  for (const bar of document.querySelectorAll(".bar")) {
    bar.addEventListener("click", () => {
      const select = filters[bar.dataset.filter]
      select.value = select.value === bar.dataset.value ? "" : bar.dataset.value
      update()
    })
  }
  byId("save-table").addEventListener("click", () => save("tpspred.tsv", table(), "text/tab-separated-values"))
  byId("save-sequences").addEventListener("click", () => save("tpspred.faa", fasta(), "text/x-fasta"))
  byId("rows").addEventListener("keydown", keys)
  addEventListener("beforeprint", () => show(proteins.length))
  update()
  afterPaint(() => scatter(byId("scatter")))
}
