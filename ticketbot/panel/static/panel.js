// Every page works without this script. It tells the reader's time zone, refreshes what changes by itself, completes
// names, and asks before something is deleted.
"use strict";

const REFRESH_MS = 10000;

// The reader's time zone, for the next page: the server writes all times.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `tbot_timezone=${encodeURIComponent(zone)}; path=/panel/; SameSite=Lax`;

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-ask]");
  if (!button || !button.dataset.ask) return;
  if (!confirm(button.dataset.ask)) {
    event.preventDefault();
    return;
  }
  const confirmed = document.createElement("input");
  Object.assign(confirmed, { type: "hidden", name: "confirmed", value: "yes" });
  button.form.append(confirmed);
});

async function refresh() {
  const rows = document.querySelector("#rows[data-live]");
  const isBusy = document.hidden || !rows || rows.contains(document.activeElement) || !getSelection().isCollapsed;
  if (isBusy) return;
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("#rows[data-live]");
    if (fresh) rows.replaceChildren(...fresh.childNodes);
  } catch {
    // The server cannot be reached: what stands there stays, and the next turn tries again.
  }
}
setInterval(refresh, REFRESH_MS);

let typed = 0;
document.addEventListener("input", async (event) => {
  const field = event.target.closest("input[data-choices]");
  if (!field) return;
  const turn = ++typed;
  const response = await fetch(`/panel/choices/${field.dataset.choices}?q=${encodeURIComponent(field.value)}`);
  if (!response.ok || turn !== typed) return;
  const options = (await response.json()).map((name) => Object.assign(document.createElement("option"), { value: name }));
  field.list.replaceChildren(...options);
});
