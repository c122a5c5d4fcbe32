// A router's routes: its default ones and those that users gave it. Ours carry a protocol number, by which those that are
// to go are told from the kernel's and an operator's.
import type { RouterWiring } from '#contracts/network-agent.ts'
import { canonicalCidr } from '#kit/net/cidr.ts'

/** Free among rtnetlink's protocols, as /etc/iproute2/rt_protos lists them. */
export const routeProtocol = '188'

export type Route = { to: string; via: string }

/** `to` is 'default' or a prefix. */
export function wantedRoutes({ gateway, routes }: RouterWiring, version: 4 | 6): Route[] {
  const isOurs = (address: string) => address.includes(':') === (version === 6)
  const ways = (gateway?.subnets ?? []).flatMap(({ gatewayIp }) =>
    gatewayIp !== null && isOurs(gatewayIp) ? [{ to: 'default', via: gatewayIp }] : [],
  )
  const extra = routes
    .filter(({ nexthop }) => isOurs(nexthop))
    .map(({ destination, nexthop }) => ({ to: asShown(destination), via: nexthop }))
  // A user's own default route wins over the gateway's.
  return [...new Map([...ways.slice(0, 1), ...extra].map((route) => [route.to, route])).values()]
}

/** As `ip route` writes a destination: a single address without its /32. */
function asShown(destination: string): string {
  const text = canonicalCidr(destination)
  if (text === '0.0.0.0/0' || text === '::/0') return 'default'
  return text.includes(':') ? text.replace(/\/128$/, '') : text.replace(/\/32$/, '')
}

/** `shown` is what `ip -j route show proto 188` printed; the answer is lines for `ip -batch`. */
export function routeChanges(shown: string, wanted: readonly Route[]): string[] {
  const there = (shown.trim() === '' ? [] : JSON.parse(shown)) as { dst: string; gateway?: string }[]
  const gone = there.filter(({ dst }) => !wanted.some(({ to }) => to === dst))
  const missing = wanted.filter(
    ({ to, via }) => !there.some(({ dst, gateway }) => dst === to && gateway === via),
  )
  return [
    ...gone.map(({ dst }) => `route del ${dst} proto ${routeProtocol}`),
    ...missing.map(({ to, via }) => `route replace ${to} via ${via} proto ${routeProtocol}`),
  ]
}
