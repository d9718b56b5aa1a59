// Ways to give the page a file: a dialog, or a drop anywhere.

const input = document.getElementById("file");

/** Open the browser's own dialog; `use` gets the files that were chosen. */
export function choose(use) {
  input.value = ""; // the same file may be chosen again
  input.onchange = () => use([...input.files]);
  input.click();
}

/** Let files be dropped anywhere on the page. */
export function onDrop(use) {
  const hover = (isOver) => document.body.classList.toggle("is-over", isOver);
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    hover(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) hover(false);
  });
  addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    hover(false);
    use([...event.dataTransfer.files]);
  });
}
