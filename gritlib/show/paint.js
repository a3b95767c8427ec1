// The browser's side of gritlib.show.paint. The label map is drawn here and sent when the pointer is lifted; Python
// keeps the steps and makes the picture. `line` and `flood` set the same pixels as those of paint_map.py.

const WAITING = "waiting for Python: it is busy, or it was restarted and this cell must be run again";
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], " ": [0, 0] };
const HATCHES = [(y, x) => x + y, (y) => y, (y, x) => 9999 + x - y, (y, x) => x]; // lines; after them come dots

export function line(ids, [h, w], [b, a], [y, x], id, radius) {
  const n = Math.max(Math.abs(y - b), Math.abs(x - a), 1);
  const between = (from, to, s) => from + Math.floor((2 * s * (to - from) + n) / (2 * n));
  for (let s = 0; s <= n; s++)
    for (let dy = -radius; dy <= radius; dy++)
      for (let dx = -radius, i = between(b, y, s) + dy, j = between(a, x, s) + dx; dx <= radius; dx++, j++)
        if (dy * dy + dx * dx <= radius * radius && i >= 0 && j >= 0 && i < h && j < w) ids[i * w + j] = id;
}

export function flood(ids, [h, w], [y, x], id) {
  const old = ids[y * w + x], open = old === id ? [] : [[y, x]];
  while (open.length) {
    const [i, j] = open.pop();
    const here = i >= 0 && j >= 0 && i < h && j < w && ids[i * w + j] === old;
    if (here) (ids[i * w + j] = id), open.push([i - 1, j], [i + 1, j], [i, j - 1], [i, j + 1]);
  }
}

function shade(canvas, ids, [h, w], palette, hatch) {
  const { width, height } = canvas, context = canvas.getContext("2d"), image = context.createImageData(width, height);
  const hatched = (id, y, x, period = 6 + 4 * Math.floor((id - 1) / 5), kind = HATCHES[(id - 1) % 5]) =>
    id > 0 && (kind ? kind(y, x) % period < 2 : y % period < 3 && x % period < 3);
  for (let k = 0; k < width * height; k++) {
    const [y, x] = [Math.floor(k / width), k % width];
    const id = ids[Math.floor((y * h) / height) * w + Math.floor((x * w) / width)], [r, g, b] = palette[id];
    const ink = !hatch || !hatched(id, y, x) ? 0 : 0.3 * r + 0.6 * g + 0.1 * b < 128 ? 90 : -90;
    image.data.set([r + ink, g + ink, b + ink, 255], 4 * k);
  }
  context.putImageData(image, 0, 0);
}

function render({ model, el }) {
  el.innerHTML = model.get("page");
  const get = (name) => model.get(name), all = (selector) => el.querySelectorAll(selector);
  const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  const [undo, canvas, picture, place, time, error] = all(".undo, .map, .picture, .place, .time, .error");
  const [h, w] = get("size"), jobs = []; // the first of the jobs is with Python
  let [ids, at, answered, shown, drawing, near] = [null, [h >> 1, w >> 1], get("answered"), null, false, false];
  const send = (job) => { // while others wait behind it, Python does a job without making a picture
    model.send({ do: job.what, value: job.value, more: jobs.length > 1 }, undefined, job.map ? [job.map] : []);
    setTimeout(() => jobs[0] === job && (time.textContent = WAITING), 3000);
  };
  const ask = (what, value, map) => {
    if (jobs.push({ what, value, map, since: performance.now() }) === 1) send(jobs[0]);
  };
  const redraw = () => {
    const [y, x] = at, scale = canvas.width / w, context = canvas.getContext("2d"), inside = x >= 0 && x < w;
    shade(canvas, ids, [h, w], get("palette"), get("hatch"));
    place.textContent = near && inside ? `row ${y}, column ${x}: ${get("classes")[ids[y * w + x]] || ""}` : "\u00a0";
    const ring = new Path2D(), radius = get("tool") === "brush" ? get("brush") : 0;
    ring.arc((x + 0.5) * scale, (y + 0.5) * scale, (radius + 0.5) * scale, 0, 7);
    if (near) Object.assign(context, { strokeStyle: "white", globalCompositeOperation: "difference" }).stroke(ring);
  };
  const refresh = () => {
    if (get("answered") !== answered && jobs.length) {
      const seconds = [(performance.now() - jobs.shift().since) / 1000, get("seconds")].map((s) => s.toFixed(2));
      time.textContent = `picture after ${seconds[0]} s, ${seconds[1]} s of it in Python`;
      if (jobs.length) send(jobs[0]);
    }
    if (!drawing && !jobs.some((job) => job.map)) ids = bytes(get("labels"));
    if (get("result") !== shown) {
      URL.revokeObjectURL(picture.src);
      picture.src = URL.createObjectURL(new Blob([get("result")], { type: "image/png" }));
    }
    [answered, shown, picture.alt, error.textContent] = ["answered", "result", "told", "message"].map(get);
    undo.disabled = !get("steps");
    for (const node of all("[data-mark]")) {
      const value = JSON.stringify(get(node.dataset.mark));
      if (node.type === "button") node.setAttribute("aria-pressed", node.dataset.value === value);
      else node.value = value;
    }
    all(".swatch").forEach((swatch, id) => shade(swatch, [id], [1, 1], get("palette"), get("hatch")));
    redraw();
  };
  const act = ({ type, target }) => {
    const node = target.closest(type === "click" ? "button" : "input, select"), data = node ? node.dataset : {};
    const value = node && JSON.parse(data.value || node.value || null);
    if (data.ask) ask(data.ask, value);
    else if (data.mark) model.set(data.mark, value), model.save_changes();
  };
  const draw = (from) => {
    if (get("tool") === "brush") line(ids, [h, w], from, at, get("chosen"), get("brush"));
    else if (from === at) flood(ids, [h, w], at, get("chosen"));
  };
  // Not while Python is about to answer with another map, which a stroke on the old one would take back.
  const begin = () => (drawing = !jobs.some((job) => ["undo", "load", "again"].includes(job.what))) && draw(at);
  const end = () => (drawing && ask("paint", null, ids.slice().buffer), (drawing = false));
  const pointer = (event) => {
    const box = canvas.getBoundingClientRect(), from = at;
    at = [((event.clientY - box.top) * h) / box.height, ((event.clientX - box.left) * w) / box.width].map(Math.floor);
    near = event.type !== "pointerleave";
    if (event.type === "pointerdown" && event.button === 0) canvas.setPointerCapture(event.pointerId), begin();
    else if (event.type === "pointerup" || event.type === "pointercancel") end();
    else if (drawing) draw(from);
    redraw();
  };
  const key = (event) => {
    const arrow = ARROWS[event.key], step = event.shiftKey ? 8 : 1;
    if (!arrow) return;
    event.preventDefault();
    [at, near] = [[h, w].map((side, k) => Math.min(Math.max(at[k] + arrow[k] * step, 0), side - 1)), true];
    if (event.key === " ") begin(), end();
    redraw();
  };
  for (const name of ["down", "move", "up", "cancel", "leave"]) canvas.addEventListener(`pointer${name}`, pointer);
  canvas.addEventListener("keydown", key);
  for (const name of ["click", "input"]) el.addEventListener(name, act);
  model.on("change", refresh);
  refresh();
  return () => model.off("change", refresh);
}

export default { render };
