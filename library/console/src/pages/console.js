// One event stream a page: each event has the id of a section and its new HTML, which the server has escaped.
"use strict";
(() => {
  const page = document.body.dataset.page;
  const state = document.getElementById("state");
  if (document.body.dataset.live === undefined || !window.EventSource) return;
  let stream = null;
  let paused = false;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  document.querySelector(".refresh").replaceWith(button);

  const say = (text) => { if (state.textContent !== text) state.textContent = text; };
  const stop = () => { if (stream) stream.close(); stream = null; };
  const start = () => {
    if (stream || paused || document.hidden) return;
    stream = new EventSource("/console/stream?page=" + encodeURIComponent(page));
    stream.addEventListener("open", () => say("Live"));
    stream.addEventListener("error", () => say("Not connected: what is shown may be old"));
    stream.addEventListener("section", (event) => {
      const { id, html } = JSON.parse(event.data);
      const section = document.getElementById("live-" + id);
      if (section) section.innerHTML = html;
      else say("There are new sections: load the page again");
    });
  };
  const show = () => { button.textContent = paused ? "Go on" : "Pause"; };
  button.addEventListener("click", () => {
    paused = !paused;
    show();
    if (paused) { stop(); say("Paused"); } else start();
  });
  // A hidden page costs the service nothing.
  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else start(); });
  show();
  start();
})();
