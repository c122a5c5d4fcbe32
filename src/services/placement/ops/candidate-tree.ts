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

/** One provider is to be chosen for it. */
type Slot = { group: Group; resources: readonly (readonly [string, number])[]; choices: Node[] }

/** Where `inRoots` has the root of the tree that a group asked for. */
export function* combine(
  query: CandidateQuery,
  tree: Tree,
  inRoots: ReadonlyMap<Group, string>,
): Generator<Candidate> {
  const { required, forbidden } = query.root
  if (!meets(tree.root, required) || forbidden.some((name) => tree.root.traits.has(name))) return
  const slots: Slot[] = []
  for (const group of query.groups) {
    const inRoot = inRoots.get(group)
    // The group without a suffix takes each class from where it likes.
    const parts = group.suffix === '' ? group.resources.map((each) => [each]) : [group.resources]
    for (const resources of parts) {
      const choices = choicesOf(group, resources, tree, inRoot)
      if (choices.length === 0) return
      slots.push({ group, resources, choices })
    }
  }
  // One group with one way: nothing can collide, as on most hosts of most clouds.
  if (query.groups.length === 1 && slots.every(({ choices }) => choices.length === 1)) {
    const chosen = slots.map(({ choices }) => choices[0]!)
    if (hasTraits(slots, chosen)) yield candidateOf(slots, chosen)
    return
  }
  slots.sort((a, b) => a.choices.length - b.choices.length)
  yield* search(query, tree, slots)
}

function choicesOf(
  group: Group,
  resources: readonly (readonly [string, number])[],
  tree: Tree,
  inRoot: string | undefined,
): Node[] {
  const loose = group.suffix === ''
  const own = tree.nodes.filter(
    (node) =>
      (inRoot === undefined || node.rootUuid === inRoot) &&
      hasRoom(node, resources) &&
      (loose ? mayGive(group, node, tree.root) : isRight(group, node)),
  )
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

export function hasRoom(node: Node, resources: readonly (readonly [string, number])[]): boolean {
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

const inSome = (node: Node, aggregates: readonly string[]) =>
  aggregates.some((each) => node.aggregates.includes(each))
const meets = (node: Node, required: readonly (readonly string[])[]) =>
  required.every((choice) => choice.some((name) => node.traits.has(name)))

/** For a group with a suffix: the provider itself is as wished. */
export function isRight(group: Group, node: Node): boolean {
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
  const parents = new Map(tree.nodes.map((node) => [node.uuid, node.parentUuid]))

  const take = ({ resources }: Slot, node: Node, sign: 1 | -1) => {
    for (const [name, amount] of resources) {
      const key = `${node.uuid} ${name}`
      taken.set(key, (taken.get(key) ?? 0) + sign * amount)
    }
  }
  const overflows = ({ resources }: Slot, node: Node) =>
    resources.some(([name, amount]) => {
      const room = node.room.get(name)!
      const all = (taken.get(`${node.uuid} ${name}`) ?? 0) + amount
      return all > room.maxUnit || room.used + all > room.capacity
    })
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

  function* choose(at: number): Generator<Candidate> {
    if (at === slots.length) {
      if (hasTraits(slots, chosen)) yield candidateOf(slots, chosen)
      return
    }
    const slot = slots[at]!
    for (const node of slot.choices) {
      if (collides(at, node) || overflows(slot, node)) continue
      chosen.push(node)
      take(slot, node, 1)
      if (!isTorn(at)) yield* choose(at + 1)
      take(slot, node, -1)
      chosen.pop()
    }
  }
  yield* choose(0)
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
