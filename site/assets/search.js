// Looks for all words of what is typed, in the titles and texts of this language's pages. Chinese
// has no spaces between words: what is typed is looked for as it is.
const q = document.getElementById("q"), found = document.getElementById("found");
let pages;
async function show() {
  const words = q.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !words.length;
  if (!words.length) return;
  pages ??= fetch(q.dataset.index).then((r) => r.json());
  const hits = (await pages).map((p) => {
    const title = p.title.toLowerCase(), text = p.text.toLowerCase();
    if (!words.every((w) => title.includes(w) || text.includes(w))) return null;
    const at = Math.max(0, text.indexOf(words[0]) - 40);
    const score = words.filter((w) => title.includes(w)).length * 1000 + Math.min(99, text.split(words[0]).length);
    return { p, score, near: p.text.slice(at, at + 140) };
  }).filter(Boolean).sort((a, b) => b.score - a.score).slice(0, 12);
  found.replaceChildren(...(hits.length ? hits.map(({ p, near }) => {
    const li = document.createElement("li"), a = document.createElement("a"), small = document.createElement("small");
    a.href = new URL(p.href, new URL(q.dataset.index, location.href));
    a.textContent = p.title;
    small.textContent = near;
    a.append(small);
    li.append(a);
    return li;
  }) : [Object.assign(document.createElement("li"), { textContent: q.dataset.none })]));
}
q.addEventListener("input", show);
q.form.addEventListener("submit", (e) => e.preventDefault());
