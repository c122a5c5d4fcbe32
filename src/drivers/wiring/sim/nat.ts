// The part of nftables that routers use: NAT and drops by addresses, devices and ports, from the very text that the L3
// agent gives to `nft -f -`. What it doesn't understand it refuses, as nft does.

export type NatPacket = {
  src: string
  dst: string
  protocol: 'icmp' | 'tcp' | 'udp'
  port?: number
  inDevice?: string
  outDevice?: string
  /** Its destination has been changed on the way. */
  dnat?: boolean
}

type Verdict =
  | { kind: 'dnat' | 'snat'; address: string }
  | { kind: 'redirect'; port: number }
  | { kind: 'drop' | 'accept' }
type Rule = { matches: ((packet: NatPacket) => boolean)[]; verdict: Verdict }
type Hook = 'prerouting' | 'input' | 'output' | 'postrouting' | 'forward'

/** Rules by family ('ip', 'ip6') and hook. */
export type Nat = ReadonlyMap<string, ReadonlyMap<Hook, readonly Rule[]>>

export const emptyNat: Nat = new Map()

/** The first rule of the hook that matches. */
export function verdict(nat: Nat, hook: Hook, packet: NatPacket): Verdict | undefined {
  const family = packet.dst.includes(':') ? 'ip6' : 'ip'
  return nat
    .get(family)
    ?.get(hook)
    ?.find(({ matches }) => matches.every((match) => match(packet)))?.verdict
}

/** All of the text or nothing of it: the rules after it, or the line that nft would complain of. */
export function readRuleset(before: Nat, text: string): { nat: Nat } | { error: string } {
  const nat = new Map(before)
  let family = ''
  let hooks: Map<Hook, Rule[]> | undefined
  let rules: Rule[] | undefined
  let inChain = false
  for (const line of text.split('\n').map((each) => each.trim())) {
    const table = /^(delete )?table (ip6?) \S+( \{)?$/.exec(line)
    const hook = /^type (?:nat|filter) hook (\w+) priority [\w-]+; policy accept;$/.exec(line)
    if (line === '') continue
    else if (table) {
      family = table[2]!
      if (table[1]) nat.delete(family)
      if (!table[1] && !nat.has(family)) nat.set(family, new Map())
      if (table[3]) {
        hooks = new Map()
        nat.set(family, hooks)
      }
    } else if (/^chain \w+ \{$/.test(line) && hooks) {
      inChain = true
      rules = undefined
    } else if (hook && hooks && inChain) {
      rules = hooks.get(hook[1] as Hook) ?? []
      hooks.set(hook[1] as Hook, rules)
    } else if (line === '}') {
      if (inChain) inChain = false
      else hooks = undefined
    } else {
      const rule = readRule(line)
      if (!rule || !rules) return { error: `Error: syntax error, unexpected '${line}'` }
      rules.push(rule)
    }
  }
  return { nat }
}

function readRule(line: string): Rule | undefined {
  const matches: Rule['matches'] = []
  let rest = line
  for (;;) {
    const last = readVerdict(rest)
    if (last) return { matches, verdict: last }
    const match = readMatch(rest)
    if (!match) return undefined
    matches.push(match.test)
    rest = rest.slice(match.length).trimStart()
  }
}

function readVerdict(text: string): Verdict | undefined {
  const nat = /^([ds]nat) to (\S+)$/.exec(text)
  if (nat) return { kind: nat[1] as 'dnat' | 'snat', address: nat[2]! }
  const redirect = /^redirect to :(\d+)$/.exec(text)
  if (redirect) return { kind: 'redirect', port: Number(redirect[1]) }
  return text === 'drop' || text === 'accept' ? { kind: text } : undefined
}

function readMatch(text: string): { test: (packet: NatPacket) => boolean; length: number } | undefined {
  const found = (pattern: RegExp, test: (value: string) => (packet: NatPacket) => boolean) => {
    const match = pattern.exec(text)
    return match ? { test: test(match[1] ?? ''), length: match[0].length } : undefined
  }
  return (
    found(
      /^ip6? daddr (\S+)/,
      (address) =>
        ({ dst }) =>
          dst === address,
    ) ??
    found(
      /^ip6? saddr (\S+)/,
      (address) =>
        ({ src }) =>
          src === address,
    ) ??
    found(
      /^iifname "([^"]+)"/,
      (name) =>
        ({ inDevice }) =>
          named(name, inDevice),
    ) ??
    found(
      /^oifname "([^"]+)"/,
      (name) =>
        ({ outDevice }) =>
          named(name, outDevice),
    ) ??
    found(
      /^tcp dport (\d+)/,
      (port) => (packet) => packet.protocol === 'tcp' && packet.port === Number(port),
    ) ??
    found(
      /^udp dport (\d+)/,
      (port) => (packet) => packet.protocol === 'udp' && packet.port === Number(port),
    ) ??
    found(
      /^ct status dnat/,
      () =>
        ({ dnat }) =>
          dnat === true,
    )
  )
}

/** 'qr-*' is any device whose name begins so. */
function named(pattern: string, device: string | undefined): boolean {
  if (device === undefined) return false
  return pattern.endsWith('*') ? device.startsWith(pattern.slice(0, -1)) : device === pattern
}
