// Streamlit's theme: its colours come as CSS variables.

const HUES = 6;

/** Returns whether the ground is dark. */
export function isDark(element: Element): boolean {
  const [red = 255, green = 255, blue = 255] = channels(getComputedStyle(element).getPropertyValue("--st-background-color"));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

/** Gives the groups of nodes the colours of charts. */
export function showHues(element: HTMLElement): void {
  const colours = getComputedStyle(element).getPropertyValue("--st-chart-categorical-colors").split(",");
  for (let hue = 0; hue < HUES; hue += 1) {
    const colour = colours[hue % colours.length]?.trim();
    if (colour) element.style.setProperty(`--hue-${hue}`, colour);
  }
}

function channels(colour: string): number[] {
  const hex = /^\s*#([0-9a-f]{3,8})/i.exec(colour)?.[1];
  if (!hex) return (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  const digits = hex.length < 6 ? [...hex].map((digit) => digit + digit) : (hex.match(/../g) ?? []);
  return digits.slice(0, 3).map((pair) => Number.parseInt(pair, 16));
}
