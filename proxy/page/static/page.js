// What a page does beyond links and forms: it asks for its live parts again, and says when it cannot.
"use strict";

const TICK_MS = 5000;
const live = document.getElementById("live");
const trouble = document.getElementById("trouble");
let running = Boolean(live) && sessionStorage.getItem("farebox-live") !== "off";
let heardAt = new Date();

function shown() {
  live.hidden = false;
  live.setAttribute("aria-pressed", String(running));
}

function tell(words) {
  trouble.textContent = words;
  trouble.hidden = !words;
}

function lost() {
  tell(`Not updating: no answer since ${heardAt.toLocaleTimeString()}. The figures below are from then.`);
}

if (live) {
  shown();
  live.addEventListener("click", () => {
    running = !running;
    sessionStorage.setItem("farebox-live", running ? "on" : "off");
    shown();
  });
  setInterval(() => {
    if (running && !document.hidden) htmx.trigger(document.body, "farebox:tick");
  }, TICK_MS);
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.querySelector(".chart:hover")) event.preventDefault(); // somebody is reading it
    else live.classList.add("asking");
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    live.classList.remove("asking");
    if (event.detail.successful) {
      heardAt = new Date();
      tell("");
    } else if (event.detail.xhr.status !== 401) {
      lost();
    }
  });
}

// A part that comes again is closed as it was made: what was opened in it is opened again.
const opened = new Set();
document.addEventListener("toggle", (event) => {
  const id = event.target.querySelector?.("summary")?.id;
  if (id) opened[event.target.open ? "add" : "delete"](id);
}, true);
document.body.addEventListener("htmx:load", (event) => {
  for (const summary of event.detail.elt.querySelectorAll("summary[id]")) {
    if (opened.has(summary.id)) summary.parentElement.open = true;
  }
});

document.querySelector(".top nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const said = button.parentElement.querySelector(".copied");
    try {
      await navigator.clipboard.writeText(source.value);
      said.textContent = "Copied.";
    } catch {
      source.select();
      said.textContent = "Selected: copy it with your keyboard.";
    }
  });
}

document.querySelector("[role=alert][tabindex]")?.focus();
