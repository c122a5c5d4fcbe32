// Topic patterns in a trie by word: `*` is one word, `#` is any number of words.

type Node<T> = { words: Map<string, Node<T>>; here: T[] }

function emptyNode<T>(): Node<T> {
  return { words: new Map(), here: [] }
}

export class TopicTrie<T> {
  #root: Node<T> = emptyNode()

  add(pattern: string, value: T): void {
    let node = this.#root
    for (const word of pattern.split('.')) {
      let next = node.words.get(word)
      if (!next) {
        next = emptyNode()
        node.words.set(word, next)
      }
      node = next
    }
    node.here.push(value)
  }

  remove(pattern: string, value: T): void {
    const path: [Node<T>, string][] = []
    let node = this.#root
    for (const word of pattern.split('.')) {
      const next = node.words.get(word)
      if (!next) return
      path.push([node, word])
      node = next
    }
    node.here = node.here.filter((other) => other !== value)
    for (const [parent, word] of path.reverse()) {
      const child = parent.words.get(word)!
      if (child.here.length > 0 || child.words.size > 0) return
      parent.words.delete(word)
    }
  }

  /** May name a value twice, where two ways through the patterns lead to it. */
  match(key: string, found: (value: T) => void): void {
    walk(this.#root, key.split('.'), 0, found)
  }
}

function walk<T>(node: Node<T>, words: string[], at: number, found: (value: T) => void): void {
  const any = node.words.get('#')
  if (any) for (let rest = at; rest <= words.length; rest++) walk(any, words, rest, found)
  if (at === words.length) {
    for (const value of node.here) found(value)
    return
  }
  const exact = node.words.get(words[at]!)
  // A key may hold the words '*' and '#' themselves; those nodes are wildcards, visited below and above.
  if (exact && words[at] !== '*' && words[at] !== '#') walk(exact, words, at + 1, found)
  const one = node.words.get('*')
  if (one) walk(one, words, at + 1, found)
}
