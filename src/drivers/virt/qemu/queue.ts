// One operation at a time per guest; operations on different guests don't wait for each other.

export type Queue = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function keyedQueue(): Queue {
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const before = last.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    // The next in line waits for the end, not for the success.
    const end = mine.then(
      () => {},
      () => {},
    )
    last.set(key, end)
    void end.then(() => {
      if (last.get(key) === end) last.delete(key)
    })
    return mine
  }
}
