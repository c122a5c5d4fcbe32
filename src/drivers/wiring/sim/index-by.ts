// Values found by a key that several may share: in a fabric of thousands of ports nobody may look through all of them.

export type Index<T> = {
  add(key: string, value: T): void
  delete(key: string, value: T): void
  /** In the order in which they came; not to be changed. */
  get(key: string): readonly T[]
}

const none: readonly never[] = []

export function openIndex<T>(): Index<T> {
  const all = new Map<string, readonly T[]>()
  return {
    add(key, value) {
      const known = all.get(key) ?? none
      if (!known.includes(value)) all.set(key, [...known, value])
    },
    delete(key, value) {
      const left = (all.get(key) ?? none).filter((each) => each !== value)
      if (left.length === 0) all.delete(key)
      else all.set(key, left)
    },
    get: (key) => all.get(key) ?? none,
  }
}
