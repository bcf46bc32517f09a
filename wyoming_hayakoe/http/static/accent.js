/** Pitch accent: which moras are high, and how that is drawn. */

import { make, makeSvg } from "./dom.js";

const SMALL = "ァィゥェォャュョヮ";

/** Katakana cut into moras, and hiragana made katakana first. */
export function morasOf(kana) {
  const katakana = kana
    .normalize("NFKC")
    .trim()
    .replace(/[ぁ-ゖ]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0x60));
  return katakana.match(new RegExp(`[ァ-ヴー][${SMALL}]?`, "g")) ?? [];
}

export function isKana(text) {
  return /^[ぁ-ゖァ-ヴー]+$/.test(text.normalize("NFKC").trim());
}

/**
 * Whether each mora is high, in the manner of Tokyo.
 *
 * @param accent The mora after which the pitch falls, from 1; 0 if it does not.
 */
export function heights(count, accent) {
  return Array.from({ length: count }, (_, index) => {
    if (index === 0) return accent === 1;
    return accent === 0 || index < accent;
  });
}

/** A mora with its pitch above it; the line goes on to the neighbours. */
export function drawMora(kana, level, before, after) {
  return make("span", { class: "mora" }, drawPitch(level, before, after), kana);
}

/** `before` and `after` are the neighbours' levels; undefined where there are none. */
function drawPitch(level, before, after) {
  const y = (isHigh) => (isHigh ? 5 : 17);
  const between = (other) => (other === undefined ? y(level) : (y(level) + y(other)) / 2);
  const path = [
    before === undefined ? `M50 ${y(level)}` : `M0 ${between(before)} L50 ${y(level)}`,
    after === undefined ? "" : `L100 ${between(after)}`,
  ];
  return makeSvg(
    "svg",
    { viewBox: "0 0 100 22", preserveAspectRatio: "none", "aria-hidden": "true" },
    makeSvg("path", { d: path.join(" ") }),
    makeSvg("path", { class: "dot", d: `M50 ${y(level)}h0` }),
  );
}
