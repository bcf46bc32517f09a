/** Elements, made in one line each. */

export const byId = (id) => document.getElementById(id);

/**
 * An element: `make("button", { type: "button", class: "quiet", onclick }, "text", child…)`.
 *
 * Names that begin with "on" are listeners; true and false switch attributes on and off.
 */
export function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function makeSvg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A link if the address is one for people, else only its text. */
export function link(address, text = address) {
  if (!/^https?:\/\//.test(address ?? "")) return document.createTextNode(text ?? "");
  return make("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text);
}

/** Text with the web addresses in it made links. */
export function linked(text) {
  const parts = (text ?? "").split(/(https?:\/\/[^\s)）」]+)/);
  return parts.map((part, index) => (index % 2 ? link(part) : part));
}

export function offerFile(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
