"use strict";
// Filters what is there already: without it the page shows everything.
const form = document.querySelector("form");
const articles = [...document.querySelectorAll("article")].map((node) => ({
  node,
  words: node.textContent.toLowerCase(),
  channels: node.dataset.channels.split(" "),
  long: node.querySelector(".long") !== null,
}));

function filter() {
  const given = new FormData(form);
  const languages = given.getAll("language");
  const wanted = String(given.get("search")).trim().toLowerCase().split(/\s+/);
  const channel = given.get("channel");
  let left = 0;
  for (const { node, words, channels, long } of articles) {
    const here = channel === "" || (channel === "long" ? long : channels.includes(channel));
    node.hidden = !(here && wanted.every((word) => words.includes(word)));
    left += node.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = section.querySelector("article:not([hidden])") === null;
    document.querySelector(`nav a[href="#${section.id}"]`).hidden = section.hidden;
  }
  for (const cell of document.querySelectorAll(".cell")) {
    cell.hidden = !languages.includes(cell.dataset.language);
  }
  for (const name of ["ussd", "chat", "sms"]) {
    const off = ["ussd", "chat", "sms"].includes(channel) && channel !== name;
    for (const drawn of document.querySelectorAll(`.cell > .${name}`)) drawn.hidden = off;
  }
  document.getElementById("count").textContent = left === articles.length ? "" : `Shown: ${left}.`;
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
filter();
