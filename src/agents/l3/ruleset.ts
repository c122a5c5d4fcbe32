// A router's NAT as one nftables text: floating IPs both ways, the shared address for all others, metadata. It replaces
// the whole table in one transaction, so that no packet meets half of it.

export type RulesetPlan = {
  /** The device towards the external network; none without a gateway. */
  external?: { device: string; address: string }
  /** Guests without a floating IP go out under the router's own address. */
  enableSnat: boolean
  floatingIps: readonly { floatingIp: string; fixedIp: string }[]
  /** Where the metadata proxy listens; undefined where there is none. */
  metadataPort?: number
  /** The router's dnsmasq sends advertisements; DHCPv6 it must leave to the DHCP agent's. */
  advertises?: boolean
}

const table = 'nimbo'
const inside = '"qr-*"'
const metadataAddress = '169.254.169.254'

export function ruleset(plan: RulesetPlan): string {
  const { external, metadataPort } = plan
  const floating = external ? plan.floatingIps.toSorted((a, b) => (a.floatingIp < b.floatingIp ? -1 : 1)) : []
  const inward = floating.map(({ floatingIp, fixedIp }) => `ip daddr ${floatingIp} dnat to ${fixedIp}`)
  const chains = [
    chain('prerouting', 'type nat hook prerouting priority dstnat; policy accept;', [
      ...inward,
      ...(metadataPort === undefined
        ? []
        : [`iifname ${inside} ip daddr ${metadataAddress} tcp dport 80 redirect to :${metadataPort}`]),
    ]),
    // What the router's own programs send to a floating IP.
    chain('output', 'type nat hook output priority -100; policy accept;', inward),
    chain(
      'postrouting',
      'type nat hook postrouting priority srcnat; policy accept;',
      outward(plan, floating),
    ),
    ...(external && metadataPort !== undefined
      ? [
          chain('input', 'type filter hook input priority filter; policy accept;', [
            `iifname "${external.device}" tcp dport ${metadataPort} drop`,
          ]),
        ]
      : []),
  ]
  return [
    ...whole('ip', chains),
    // A kernel without IPv6 knows no such table; nothing is lost by the one that stays after the last advertisement.
    ...(plan.advertises
      ? whole('ip6', [
          chain('input', 'type filter hook input priority filter; policy accept;', [
            `iifname ${inside} udp dport 547 drop`,
          ]),
        ])
      : []),
    '',
  ].join('\n')
}

/** Named first so that there is one to delete. */
function whole(family: string, chains: readonly string[]): string[] {
  return [
    `table ${family} ${table}`,
    `delete table ${family} ${table}`,
    `table ${family} ${table} {`,
    ...chains,
    '}',
  ]
}

function outward({ external, enableSnat }: RulesetPlan, floating: RulesetPlan['floatingIps']): string[] {
  if (!external) return []
  const { device, address } = external
  return [
    ...floating.map(
      ({ floatingIp, fixedIp }) => `ip saddr ${fixedIp} oifname "${device}" snat to ${floatingIp}`,
    ),
    // A guest that calls a floating IP of its own subnet: the answer must come back through the router.
    `iifname ${inside} oifname ${inside} ct status dnat snat to ${address}`,
    // Only for what comes from inside: nobody outside may borrow the router's address.
    ...(enableSnat ? [`iifname ${inside} oifname "${device}" snat to ${address}`] : []),
  ]
}

function chain(name: string, hook: string, rules: readonly string[]): string {
  return [`  chain ${name} {`, `    ${hook}`, ...rules.map((rule) => `    ${rule}`), '  }'].join('\n')
}
