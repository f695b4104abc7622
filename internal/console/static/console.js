// What the pages do by themselves: they look again each second while somebody looks at them,
// say when nobody answers, and send nothing twice.
"use strict";

const body = document.body;
let lost = null;

// On a phone the menu opens when it is asked for.
if (window.matchMedia("(max-width: 860px)").matches) {
  document.querySelector("details.menu")?.removeAttribute("open");
}

// Those who watch are told each second; a page in the background is not.
setInterval(() => {
  if (document.visibilityState === "visible") {
    htmx.trigger(body, "tick");
  }
}, 1000);

// When the server does not answer, the page says so, and since when.
const banner = document.getElementById("connection");
function say(state) {
  if (!banner || banner.dataset.state === state) {
    return;
  }
  banner.dataset.state = state;
  banner.hidden = state === "";
  for (const part of banner.children) {
    part.hidden = part.dataset.when !== state;
  }
}
body.addEventListener("htmx:sendError", () => {
  lost ??= new Date();
  const since = banner?.querySelector("time");
  if (since) {
    since.textContent = lost.toLocaleTimeString();
  }
  say("lost");
});
body.addEventListener("htmx:responseError", (e) => {
  say(e.detail.xhr.status === 401 ? "ended" : "refused");
});
body.addEventListener("htmx:beforeOnLoad", (e) => {
  if (e.detail.xhr.status < 400) {
    lost = null;
    say("");
  }
});

// What changes something is sent once, however often one clicks.
document.addEventListener("submit", (e) => {
  const form = e.target;
  if (form.method.toLowerCase() !== "post" || form.hasAttribute("hx-post")) {
    return;
  }
  if (form.dataset.sent) {
    e.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});

// Dialogs, sliders, and texts to be copied.
document.addEventListener("click", (e) => {
  const opener = e.target.closest("[data-opens]");
  if (opener) {
    document.getElementById(opener.dataset.opens).showModal();
  }
  if (e.target.closest("[data-closes]")) {
    e.target.closest("dialog").close();
  }
  const copied = e.target.closest("[data-copies]");
  if (copied) {
    navigator.clipboard?.writeText(document.getElementById(copied.dataset.copies).value);
  }
});

// A form that was refused stands open again where it was opened, with what was wrong beside it: the page
// is at the address that it was sent to.
const mistake = document.querySelector("main > .say.bad");
const sentFrom = (form) =>
  [form.action, ...[...form.querySelectorAll("[formaction]")].map((button) => button.formAction)].some(
    (address) => new URL(address).pathname === location.pathname,
  );
if (mistake) {
  const form = [...document.querySelectorAll("dialog form, details form")].find(sentFrom);
  const within = form?.closest("dialog, details");
  if (within?.localName === "dialog") {
    within.showModal();
  } else if (within) {
    within.open = true;
  }
  form?.prepend(mistake);
}
document.addEventListener("input", (e) => {
  const shown = e.target.dataset.shows && document.getElementById(e.target.dataset.shows);
  if (shown) {
    shown.value = e.target.value;
  }
});
