// Finding by typing.

/** Returns the items in whose text every word of `wanted` stands, those that are called so first. */
export function search<T>(items: readonly T[], wanted: string, nameOf: (item: T) => string, restOf: (item: T) => string): T[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked = items.flatMap((item) => {
    const name = nameOf(item).toLowerCase();
    const all = `${name} ${restOf(item).toLowerCase()}`;
    if (!words.every((word) => all.includes(word))) return [];
    const rank = words.every((word) => name.includes(word)) ? (name.startsWith(words[0] ?? "") ? 0 : 1) : 2;
    return [{ item, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}
