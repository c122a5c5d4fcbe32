import { expect, test } from 'vitest'
import { routeChanges, wantedRoutes } from './route.ts'
import { sampleRouter } from './sample.ts'

test("the gateway's default route and the user's own routes, each in its family", () => {
  const router = sampleRouter({
    routes: [
      { destination: '172.16.0.0/12', nexthop: '10.0.0.65' },
      { destination: 'fd01::/64', nexthop: 'fd00::2' },
    ],
  })
  expect(wantedRoutes(router, 4)).toEqual([
    { to: 'default', via: '172.24.4.1' },
    { to: '172.16.0.0/12', via: '10.0.0.65' },
  ])
  expect(wantedRoutes(router, 6)).toEqual([{ to: 'fd01::/64', via: 'fd00::2' }])
})

test("a user's default route wins over the gateway's", () => {
  const router = sampleRouter({ routes: [{ destination: '0.0.0.0/0', nexthop: '10.0.0.65' }] })
  expect(wantedRoutes(router, 4)).toEqual([{ to: 'default', via: '10.0.0.65' }])
})

test('only what differs is changed', () => {
  const shown = JSON.stringify([
    { dst: 'default', gateway: '172.24.4.1', dev: 'qg-1' },
    { dst: '192.0.2.9', gateway: '10.0.0.65', dev: 'qr-1' },
  ])
  expect(routeChanges(shown, [{ to: 'default', via: '172.24.4.1' }])).toEqual([
    'route del 192.0.2.9 proto 188',
  ])
  expect(
    routeChanges(
      shown,
      wantedRoutes(sampleRouter({ routes: [{ destination: '192.0.2.9/32', nexthop: '10.0.0.65' }] }), 4),
    ),
  ).toEqual([])
  expect(routeChanges('', [{ to: 'default', via: '172.24.4.1' }])).toEqual([
    'route replace default via 172.24.4.1 proto 188',
  ])
})
