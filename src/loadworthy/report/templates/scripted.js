/* Runs before there is anything to see: what only scripts use has its place from the start, so that nothing moves later. */
"use strict";
document.documentElement.classList.add("scripted");
