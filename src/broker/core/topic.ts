// Topic patterns in a trie by word: `*` is one word, `#` is any number of words.

type Node<T> = { words: Map<string, Node<T>>; here: T[] }

function emptyNode<T>(): Node<T> {
  return { words: new Map(), here: [] }
}

export class TopicTrie<T> {
  #root: Node<T> = emptyNode()
  /** How many patterns have more than one '#'. */
  #manyWays = 0

  add(pattern: string, value: T): void {
    let node = this.#root
    for (const word of wordsOf(pattern)) {
      let next = node.words.get(word)
      if (!next) {
        next = emptyNode()
        node.words.set(word, next)
      }
      node = next
    }
    node.here.push(value)
    if (hasManyWays(pattern)) this.#manyWays++
  }

  remove(pattern: string, value: T): void {
    const path: [Node<T>, string][] = []
    let node = this.#root
    for (const word of wordsOf(pattern)) {
      const next = node.words.get(word)
      if (!next) return
      path.push([node, word])
      node = next
    }
    if (hasManyWays(pattern) && node.here.includes(value)) this.#manyWays--
    node.here = node.here.filter((other) => other !== value)
    for (const [parent, word] of path.reverse()) {
      const child = parent.words.get(word)!
      if (child.here.length > 0 || child.words.size > 0) return
      parent.words.delete(word)
    }
  }

  /** May name a value twice, where two ways through the patterns lead to it. */
  match(key: string, found: (value: T) => void): void {
    // Each place is then entered once: else a pattern like '#.a.#.a.#' and a long key would take for ever.
    const entered = this.#manyWays > 0 ? new Map<Node<T>, Set<number>>() : undefined
    walk(this.#root, wordsOf(key), 0, found, entered)
  }
}

/** An empty key has no words at all; two dots have an empty one between them. */
function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

function hasManyWays(pattern: string): boolean {
  return pattern.indexOf('#') !== pattern.lastIndexOf('#')
}

function walk<T>(
  node: Node<T>,
  words: string[],
  at: number,
  found: (value: T) => void,
  entered: Map<Node<T>, Set<number>> | undefined,
): void {
  if (entered) {
    const places = entered.get(node)
    if (places?.has(at)) return
    if (places) places.add(at)
    else entered.set(node, new Set([at]))
  }
  const any = node.words.get('#')
  if (any) for (let rest = at; rest <= words.length; rest++) walk(any, words, rest, found, entered)
  if (at === words.length) {
    for (const value of node.here) found(value)
    return
  }
  const exact = node.words.get(words[at]!)
  // A key may hold the words '*' and '#' themselves; those nodes are wildcards, visited below and above.
  if (exact && words[at] !== '*' && words[at] !== '#') walk(exact, words, at + 1, found, entered)
  const one = node.words.get('*')
  if (one) walk(one, words, at + 1, found, entered)
}
