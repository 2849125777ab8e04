// What pages do beyond HTML. Everything works without this file; with it, times are in the reader's zone and keys work.
"use strict";

const STYLES = {
  day: { year: "numeric", month: "short", day: "numeric" },
  minute: { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
};

function localizeTimes(root) {
  for (const time of root.querySelectorAll("time[data-style]")) {
    if (time.closest("[data-utc]")) continue; // a report is the same for all readers
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = at.toLocaleString("en-US", { ...STYLES[time.dataset.style], hourCycle: "h23" });
  }
  for (const input of root.querySelectorAll("input[data-time]")) {
    const at = new Date(input.dataset.time);
    if (Number.isNaN(at.getTime())) continue;
    const local = new Date(at.getTime() - at.getTimezoneOffset() * 60000);
    input.value = local.toISOString().slice(0, 16);
  }
}

// A form's local times are sent as UTC, and empty fields are left out of the address.
document.addEventListener("formdata", (event) => {
  for (const input of event.target.querySelectorAll("input[type=datetime-local][name]")) {
    const value = event.formData.get(input.name);
    if (value) event.formData.set(input.name, new Date(value).toISOString().replace(".000Z", "Z"));
  }
  if (event.target.method === "get") {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  }
});

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");

function stepThrough(direction) {
  const changes = [...document.querySelectorAll("[data-change]")];
  if (!changes.length) return false;
  const current = changes.indexOf(document.activeElement);
  const next = current < 0 ? (direction > 0 ? 0 : changes.length - 1) : (current + direction + changes.length) % changes.length;
  changes[next].focus();
  changes[next].scrollIntoView({ block: "center" });
  const shown = document.querySelector("[data-step]");
  if (shown) shown.textContent = `${next + 1} of ${changes.length}`;
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const open = document.querySelector("details.menu[open]");
  if (event.key === "Escape") {
    const back = document.querySelector("a[data-key=Escape]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
    else if (isTyping(event.target)) event.target.blur();
    else if (back) back.click();
    return;
  }
  if (isTyping(event.target)) return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    if (stepThrough(event.key === "ArrowRight" ? 1 : -1)) event.preventDefault();
    return;
  }
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("summary")) { target.parentElement.open = !target.parentElement.open; target.parentElement.querySelector("input")?.focus(); }
  else if (target.matches("input")) { target.focus(); target.select(); }
  else target.click();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

localizeTimes(document);
for (const zone of document.querySelectorAll("[data-zone]")) {
  zone.textContent = `Times in ${Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ")}`;
}
document.addEventListener("htmx:after:swap", () => localizeTimes(document));

// Drafts: what is typed into a form survives a lost connection and an ended session, until the form was recorded. The
// key of the form is a part of it: if it was recorded and only the answer got lost, sending it again records nothing.
const isKept = (each) => each.name && each.name !== "confirmed" && (each.type !== "hidden" || each.name === "form_key");
const isSwitch = (each) => each.type === "checkbox" || each.type === "radio";
const keyOf = (each) => (isSwitch(each) ? `${each.name}=${each.value}` : each.name);
const valueOf = (each) => (isSwitch(each) ? (each.checked ? each.value : "") : each.value);
const isChosen = (each) => each.defaultSelected;
const startOf = (each) => {
  if (isSwitch(each)) return each.defaultChecked ? each.value : "";
  if (each.matches("select")) return ([...each.options].find(isChosen) || each.options[0] || { value: "" }).value;
  return each.defaultValue;
};

function setValue(each, value) {
  if (isSwitch(each)) each.checked = value !== "";
  else each.value = value;
}

// An item that was added to a list of items, such as a third option, is added again.
function addItem(form, name) {
  const [list, number] = name.split(".");
  const items = [...form.querySelectorAll("fieldset.item")].filter((each) => each.id.startsWith(`f-${list}.`));
  if (!items.length || !/^\d{1,2}$/.test(number) || items.length > number) return;
  const item = items.at(-1).cloneNode(true);
  for (const each of [item, ...item.querySelectorAll("*")]) {
    for (const attribute of ["id", "name", "for", "aria-describedby"]) {
      const value = each.getAttribute(attribute);
      if (value) each.setAttribute(attribute, value.replace(`${list}.${items.length - 1}`, `${list}.${items.length}`));
    }
    if (isSwitch(each)) { each.checked = false; each.value = each.value.replace(/^#\d+$/, `#${items.length}`); }
    else if (each.matches("input, textarea")) each.value = each.defaultValue = "";
  }
  const legend = item.querySelector("legend");
  if (legend) legend.textContent = legend.textContent.replace(/\d+/, items.length + 1);
  items.at(-1).after(item);
  addItem(form, name);
}

function restoreDraft(form, key) {
  const saved = JSON.parse(localStorage.getItem(key) || "null");
  const fields = () => [...form.elements].filter(isKept);
  if (!saved || "again" in form.dataset) return;
  for (const name of Object.keys(saved)) if (!form.elements[name.split("=")[0]]) addItem(form, name);
  const before = new Map(fields().map((each) => [each, valueOf(each)]));
  for (const each of fields()) if (keyOf(each) in saved) setValue(each, saved[keyOf(each)]);
  const changed = [...before].filter(([each, value]) => each.name !== "form_key" && valueOf(each) !== value);
  for (const [each] of changed) if (each.closest("details")) each.closest("details").open = true;
  if (!changed.length) return;
  const line = document.createElement("p");
  line.className = "draft";
  line.setAttribute("role", "status");
  line.append("Restored what you typed earlier. ");
  const discard = document.createElement("button");
  discard.type = "button";
  discard.textContent = "Discard it";
  discard.addEventListener("click", () => {
    localStorage.removeItem(key);
    for (const [each, value] of before) setValue(each, value);
    line.remove();
  });
  line.append(discard);
  form.prepend(line);
}

function keepDraft(form) {
  const key = `draft ${form.dataset.draft}`;
  restoreDraft(form, key);
  // A form that is shown again starts with what was typed before.
  const typedBefore = "again" in form.dataset ? JSON.parse(localStorage.getItem(key) || "{}") : {};
  const save = () => {
    // What was left as it was is not kept: it may be something else by the time that the draft is restored.
    const isTyped = (each) => each.name === "form_key" || valueOf(each) !== startOf(each) || keyOf(each) in typedBefore;
    const typed = [...form.elements].filter((each) => isKept(each) && isTyped(each));
    localStorage.setItem(key, JSON.stringify(Object.fromEntries(typed.map((each) => [keyOf(each), valueOf(each)]))));
  };
  form.addEventListener("input", save);
  form.addEventListener("submit", () => { save(); sessionStorage.setItem("sent draft", key); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

if (new URLSearchParams(location.search).has("done")) {
  localStorage.removeItem(sessionStorage.getItem("sent draft"));
  sessionStorage.removeItem("sent draft");
}
for (const form of document.querySelectorAll("form[data-draft]")) keepDraft(form);

// Dragging a card to another column opens the form that moves it, which also has a button on the card.
for (const card of document.querySelectorAll("[data-move]")) {
  card.draggable = true;
  card.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", card.dataset.move));
}
for (const column of document.querySelectorAll("[data-horizon]")) {
  column.addEventListener("dragover", (event) => event.preventDefault());
  column.addEventListener("drop", (event) => {
    const address = event.dataTransfer.getData("text/plain");
    if (!address.startsWith("/do/MoveFeature?")) return;
    event.preventDefault();
    location.assign(`${address}&horizon=${column.dataset.horizon}`);
  });
}

// A button that copies a field. Where a page may not write to the clipboard, the field is selected instead.
for (const button of document.querySelectorAll("[data-copy]")) {
  const input = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    input.select();
    try {
      await navigator.clipboard.writeText(input.value);
      button.textContent = "Copied";
    } catch {
      button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl C";
    }
  });
}
