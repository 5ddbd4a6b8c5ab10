// Items in the order of their keys, in blocks: adding, removing and finding a place cost the same among a hundred and among a million.

/** Items of a block, at most; one that is full becomes two. */
const BLOCK = 512;

export interface Sorted<Key extends string | number, Item> {
  size(): number;
  get(key: Key): Item | undefined;
  /** Adds an item whose key no other has. */
  add(item: Item): void;
  remove(key: Key): void;
  /** The items behind this key, in order; undefined: all. Nothing may change meanwhile. */
  after(key: Key | undefined): Iterable<Item>;
  clear(): void;
}

export function createSorted<Key extends string | number, Item>(keyOf: (item: Item) => Key): Sorted<Key, Item> {
  let blocks: Item[][] = [[]];
  let size = 0;

  /** The first place in 0..count whose item does not come before `key`. */
  function search(key: Key, count: number, at: (place: number) => Item): number {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keyOf(at(middle)) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Its block, and its place there. */
  function placeOf(key: Key): [block: number, place: number] {
    // All blocks have items, but for the only one.
    const block = search(key, blocks.length - 1, (one) => blocks[one][blocks[one].length - 1]);
    return [block, search(key, blocks[block].length, (one) => blocks[block][one])];
  }

  const isAt = (key: Key, block: number, place: number): boolean =>
    place < blocks[block].length && keyOf(blocks[block][place]) === key;

  return {
    size: () => size,
    get(key) {
      const [block, place] = placeOf(key);
      return isAt(key, block, place) ? blocks[block][place] : undefined;
    },
    add(item) {
      const [block, place] = placeOf(keyOf(item));
      const items = blocks[block];
      items.splice(place, 0, item);
      size++;
      if (items.length > BLOCK) blocks.splice(block + 1, 0, items.splice(BLOCK / 2));
    },
    remove(key) {
      const [block, place] = placeOf(key);
      if (!isAt(key, block, place)) return;
      blocks[block].splice(place, 1);
      size--;
      if (blocks[block].length === 0 && blocks.length > 1) blocks.splice(block, 1);
    },
    *after(key) {
      let [block, place] = key === undefined ? [0, 0] : placeOf(key);
      if (key !== undefined && isAt(key, block, place)) place++;
      for (; block < blocks.length; block++, place = 0) {
        for (; place < blocks[block].length; place++) yield blocks[block][place];
      }
    },
    clear() {
      blocks = [[]];
      size = 0;
    },
  };
}
