// The browser's side of gritlib.show.quiz: clicks and arrow keys become answers. The page comes from Python, which
// alone knows where the real picture is.

const ARROWS = { ArrowLeft: 0, ArrowRight: 1 };

function render({ model, el }) {
  const choices = () => el.querySelectorAll("button[data-answer]");
  const answer = (button) => model.send({ page: model.get("number"), answer: button.dataset.answer });
  const draw = () => {
    const focused = el.contains(document.activeElement);
    el.innerHTML = model.get("page");
    if (focused) el.firstElementChild.focus({ preventScroll: true });
  };
  el.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-answer]");
    if (button) answer(button);
  });
  el.addEventListener("keydown", (event) => {
    const place = ARROWS[event.key], buttons = choices();
    if (place === undefined || event.target.matches("input") || !buttons.length) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) answer(buttons[Math.min(place, buttons.length - 1)]); // a key that is held answers once
  });
  model.on("change:page", draw);
  draw();
  return () => model.off("change:page", draw);
}

export default { render };
