// The ways in which one tree of providers, with what others share with it, meets all groups of a question. It is a search:
// group after group takes a provider, and what can't work any more is left at once.
import type { Room } from '../store/candidate.ts'
import type { CandidateQuery, Group } from './candidate-query.ts'

export type Node = {
  uuid: string
  rootUuid: string
  parentUuid: string | null
  room: ReadonlyMap<string, Room>
  traits: ReadonlySet<string>
  aggregates: readonly string[]
}
/** A root, its tree, and the providers of other trees that share with it. */
export type Tree = { root: Node; nodes: Node[]; sharing: Node[] }

export type Candidate = {
  /** By provider, the amount of each class. */
  allocations: Map<string, Record<string, number>>
  /** By suffix, the providers that serve the group. */
  mappings: Record<string, string[]>
  givers: Node[]
}

/** What one provider is to give; where `inRoot` is set, a member of this tree. */
type Part = {
  group: Group
  resources: Group['resources']
  inRoot: string | undefined
  /** Of the resources those of which another part wants some too: of these alone one provider may come to give too much. */
  contested: Group['resources']
}
/** One provider is to be chosen for it. */
type Slot = Part & { choices: Node[] }

/** Gives the ways in a tree; undefined where there is none. `inRoots` has the root of the tree that a group asked for. */
export function combiner(
  query: CandidateQuery,
  inRoots: ReadonlyMap<Group, string>,
): (tree: Tree) => Iterator<Candidate> | undefined {
  const { required, forbidden } = query.root
  const parts = query.groups.flatMap((group): Part[] => {
    const inRoot = inRoots.get(group)
    // The group without a suffix takes each class from where it likes.
    const apart = group.suffix === '' ? group.resources.map((each) => [each]) : [group.resources]
    return apart.map((resources) => ({ group, resources, inRoot, contested: [] }))
  })
  const wanting = (name: string) => parts.filter(({ resources }) => resources.some(([each]) => each === name))
  for (const part of parts) part.contested = part.resources.filter(([name]) => wanting(name).length > 1)
  const alone = aloneWith(query, parts)
  return (tree) => {
    if (!meets(tree.root, required) || forbidden.some((name) => tree.root.traits.has(name))) return undefined
    if (tree.nodes.length === 1 && tree.sharing.length === 0) return alone(tree.root)
    const slots: Slot[] = []
    for (const part of parts) {
      const choices = choicesOf(part, tree)
      if (choices.length === 0) return undefined
      slots.push({ ...part, choices })
    }
    slots.sort((a, b) => a.choices.length - b.choices.length)
    return search(query, tree, slots)
  }
}

/** The search where there is one provider for all, as in most clouds: it serves each part and all of them together, or none. */
function aloneWith(query: CandidateQuery, parts: Part[]): (node: Node) => Iterator<Candidate> | undefined {
  const together: Record<string, number> = {}
  for (const [name, amount] of parts.flatMap(({ resources }) => resources))
    together[name] = (together[name] ?? 0) + amount
  const contested = Object.entries(together).filter(([name]) =>
    parts.some((part) => part.contested.some(([each]) => each === name)),
  )
  const groups = query.groups.filter((group) => group.suffix !== '')
  const loose = query.groups.find((group) => group.suffix === '')
  return (node) => {
    if (query.isolate && groups.length > 1) return undefined
    if (!parts.every((part) => isChoice(part, node, node)) || overflows(node, contested)) return undefined
    if (loose && !meets(node, loose.required)) return undefined
    const mappings = Object.fromEntries(query.groups.map(({ suffix }) => [suffix, [node.uuid]]))
    return [{ allocations: new Map([[node.uuid, together]]), mappings, givers: [node] }].values()
  }
}

function choicesOf(part: Part, tree: Tree): Node[] {
  const own = tree.nodes.filter((node) => isChoice(part, node, tree.root))
  if (tree.sharing.length === 0) return own
  const { group, resources, inRoot } = part
  const loose = group.suffix === ''
  // In a tree that was asked for, nothing of another one is.
  const lent = tree.sharing.filter(
    (node) =>
      (inRoot === undefined || (!loose && node.rootUuid === inRoot)) &&
      hasRoom(node, resources) &&
      (loose
        ? mayGive(group, node, tree.root) && group.memberOf.every((choice) => inSome(node, choice))
        : isRight(group, node)),
  )
  return [...own, ...lent]
}

/** Whether a member of the tree below `root` can serve the part. */
const isChoice = ({ group, resources, inRoot }: Part, node: Node, root: Node) =>
  (inRoot === undefined || node.rootUuid === inRoot) &&
  hasRoom(node, resources) &&
  (group.suffix === '' ? mayGive(group, node, root) : isRight(group, node))

function hasRoom(node: Node, resources: Group['resources']): boolean {
  return resources.every(([name, amount]) => {
    const room = node.room.get(name)
    return (
      room !== undefined &&
      amount >= room.minUnit &&
      amount <= room.maxUnit &&
      amount % room.stepSize === 0 &&
      room.used + amount <= room.capacity
    )
  })
}

/** Whether it can't give all of that, each of which it can give by itself. */
const overflows = (node: Node, resources: Group['resources']) =>
  resources.some(([name, amount]) => {
    const { maxUnit, used, capacity } = node.room.get(name)!
    return amount > maxUnit || used + amount > capacity
  })

const inSome = (node: Node, aggregates: readonly string[]) =>
  aggregates.length > 0 && aggregates.some((each) => node.aggregates.includes(each))
const meets = (node: Node, required: readonly (readonly string[])[]) =>
  required.every((choice) => choice.some((name) => node.traits.has(name)))

/** For a group with a suffix: the provider itself is as wished. */
function isRight(group: Group, node: Node): boolean {
  return (
    meets(node, group.required) &&
    !group.forbidden.some((name) => node.traits.has(name)) &&
    group.memberOf.every((choice) => inSome(node, choice)) &&
    !inSome(node, group.notMemberOf)
  )
}

/** For the group without one: its traits are met by the givers together, and the root's aggregates count for all its tree. */
function mayGive(group: Group, node: Node, root: Node): boolean {
  const member = (each: Node) => group.memberOf.every((choice) => inSome(each, choice))
  return (
    !group.forbidden.some((name) => node.traits.has(name)) &&
    (member(node) || member(root)) &&
    !inSome(node, group.notMemberOf) &&
    !inSome(root, group.notMemberOf)
  )
}

function* search(query: CandidateQuery, tree: Tree, slots: Slot[]): Generator<Candidate> {
  const chosen: Node[] = []
  const taken = new Map<string, number>()
  const subtrees = query.sameSubtree.map((suffixes) => ({
    suffixes,
    /** From this slot on all of its groups have their provider. */
    last: slots.findLastIndex(({ group }) => suffixes.includes(group.suffix)),
  }))
  const parents = new Map(subtrees.length > 0 ? tree.nodes.map((node) => [node.uuid, node.parentUuid]) : [])

  const take = ({ contested }: Slot, node: Node, sign: 1 | -1) => {
    for (const [name, amount] of contested) {
      const key = `${node.uuid} ${name}`
      taken.set(key, (taken.get(key) ?? 0) + sign * amount)
    }
  }
  const isTooMuch = ({ contested }: Slot, node: Node) =>
    contested.length > 0 &&
    overflows(
      node,
      contested.map(([name, amount]) => [name, (taken.get(`${node.uuid} ${name}`) ?? 0) + amount]),
    )
  const collides = (at: number, node: Node) =>
    query.isolate &&
    slots[at]!.group.suffix !== '' &&
    chosen.some((other, index) => other === node && slots[index]!.group.suffix !== '')
  const isTorn = (at: number) =>
    subtrees.some(({ suffixes, last }) => {
      if (last !== at) return false
      const nodes = chosen.filter((_, index) => suffixes.includes(slots[index]!.group.suffix))
      return !nodes.some((top) => nodes.every((node) => isBelow(node.uuid, top.uuid, parents)))
    })

  const enter = (at: number, node: Node) => {
    chosen.push(node)
    take(slots[at]!, node, 1)
  }
  const leave = (at: number) => take(slots[at]!, chosen.pop()!, -1)

  /** Of each slot, the choice that is to be tried next. */
  const next = slots.map(() => 0)
  for (let at = 0; at >= 0; ) {
    if (at === slots.length) {
      if (hasTraits(slots, chosen)) yield candidateOf(slots, chosen)
      leave(--at)
      continue
    }
    const node = slots[at]!.choices[next[at]!++]
    if (!node) {
      next[at--] = 0
      if (at >= 0) leave(at)
    } else if (!collides(at, node) && !isTooMuch(slots[at]!, node)) {
      enter(at, node)
      if (isTorn(at)) leave(at)
      else at++
    }
  }
}

/** The traits of the group without a suffix, over all that give to it. */
function hasTraits(slots: readonly Slot[], chosen: readonly Node[]): boolean {
  const loose = slots.find(({ group }) => group.suffix === '')?.group
  return (
    loose === undefined ||
    loose.required.every((choice) =>
      chosen.some(
        (node, index) => slots[index]!.group === loose && choice.some((name) => node.traits.has(name)),
      ),
    )
  )
}

function isBelow(uuid: string, top: string, parents: ReadonlyMap<string, string | null>): boolean {
  for (let at: string | null | undefined = uuid; at; at = parents.get(at)) if (at === top) return true
  return false
}

function candidateOf(slots: readonly Slot[], chosen: readonly Node[]): Candidate {
  const allocations: Candidate['allocations'] = new Map()
  const mappings: Candidate['mappings'] = {}
  slots.forEach(({ group, resources }, index) => {
    const node = chosen[index]!
    mappings[group.suffix] ??= []
    const serving = mappings[group.suffix]!
    if (!serving.includes(node.uuid)) serving.push(node.uuid)
    if (resources.length === 0) return
    const amounts = allocations.get(node.uuid) ?? {}
    for (const [name, amount] of resources) amounts[name] = (amounts[name] ?? 0) + amount
    allocations.set(node.uuid, amounts)
  })
  return { allocations, mappings, givers: [...new Set(chosen)] }
}
