(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const [words, kind, count, said] = ["words", "kind", "count", "said"].map(find);
  const form = words.form;
  const groups = [...document.querySelectorAll("[data-group]")];
  const entries = [...document.querySelectorAll("[data-kind]")].map((node) => ({
    node,
    kinds: node.dataset.kind.split(" "),
    text: `${node.dataset.words || ""} ${node.textContent}`.toLowerCase(),
  }));
  document.documentElement.classList.add("scripted");

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = Boolean(wanted.length || kind.value);
    let shown = 0;
    for (const { node, kinds, text } of entries) {
      const fits =
        (!kind.value || kinds.includes(kind.value)) && wanted.every((word) => text.includes(word));
      node.hidden = !fits;
      shown += fits;
    }
    for (const group of groups) {
      group.hidden = active && !group.querySelector("[data-kind]:not([hidden])");
    }
    if (active) {
      // What fits must be seen: open the lists that hold it, but no entry of its own.
      for (const fold of document.querySelectorAll("details[data-fold]")) {
        if (fold.querySelector("[data-kind]:not([hidden])")) fold.open = true;
      }
    }
    find("nothing").hidden = shown > 0;
    count.textContent = active
      ? `${shown} of ${entries.length} entries fit`
      : `${entries.length} entries`;
  }

  // A link may lead to what is folded or filtered away.
  function reveal() {
    const target = find(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.closest("[hidden]")) {
      form.reset();
      filter();
    }
    for (let node = target; node; node = node.parentElement) {
      if (node.localName === "details") node.open = true;
    }
    target.scrollIntoView();
  }

  async function copy(button) {
    const source = find(button.dataset.copy);
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = button.textContent = "Copied";
    } catch {
      // Not allowed here: leave it selected, one key away.
      getSelection().selectAllChildren(source);
      said.textContent = button.textContent = "Selected: copy it with Ctrl+C or Cmd+C";
    }
    setTimeout(() => (button.textContent = label), 3000);
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  addEventListener("hashchange", reveal);
  filter();
  reveal();
})();
