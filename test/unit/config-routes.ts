/** What `routes` of a configuration may say. */
import t from 'tap'
import { checkConfig } from '../../src/config/load.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { DIRECTORY, faults, peer } from '../support/config-faults.ts'

t.test('a route has networks, addresses or names, and ports, and leads to a known peer', async t => {
  const routes = (...list: { to: string; ports?: unknown[]; peer?: string }[]) => ({
    ...peer({}),
    routes: list.map(one => ({ peer: 'office', ...one })) as ConfigInput['routes'],
  })
  const { routes: checked } = checkConfig(
    routes(
      { to: '10.20.0.0/16', ports: [5432, '8000-8080'] },
      { to: 'fd00::/8' },
      { to: '[fd00::1]' },
      { to: '*.a.b' },
    ),
    DIRECTORY,
  )
  t.same(
    checked.map(({ rules }) => rules),
    [['10.20.0.0/16:5432', '10.20.0.0/16:8000-8080'], ['[fd00::]/8:*'], ['[fd00::1]:*'], ['*.a.b:*']],
  )
  t.same(faults(routes({ to: '10.0.0.0/40' })), ['routes[0].to: /40 is longer than an IPv4 address has bits'])
  t.same(faults(routes({ to: 'a', ports: [80, 0, '9-8'] })), [
    'routes[0].ports[1]: 0 is no port; write 1-65535, a range such as 8000-8080, or *',
    'routes[0].ports[2]: 9-8 is no port; write 1-65535, a range such as 8000-8080, or *',
  ])
  t.same(faults(routes({ to: '1.2.3', ports: [1, 2] })), ['routes[0].to: 1.2.3 is no name and no address'])
  t.same(faults(routes({ to: 'a', ports: [] })), ['routes[0].ports: is empty; leave it out for all ports'])
  t.same(faults(routes({ to: 'a', ports: [null] })), [
    'routes[0].ports[0]: must be a port, or a range such as 8000-8080, not null',
  ])
  t.same(faults(routes({ to: 'a', peer: 'ofice' })), [
    'routes[0].peer: no peer is named "ofice"; did you mean "office"?',
  ])
})

t.test('only a route to a peer that is dialed can do without its sidecar', async t => {
  const routes = [{ to: '10.0.0.0/8', peer: 'office', withoutSidecar: 'direct' as const }]
  const dialed = peer({ endpoints: ['tcp://192.0.2.1:7700'] })
  t.match(checkConfig({ ...dialed, routes }, DIRECTORY).routes, [{ withoutSidecar: 'direct' }])
  t.match(checkConfig({ ...dialed, routes: [{ to: 'a', peer: 'office' }] }, DIRECTORY).routes, [
    { withoutSidecar: 'hold' },
  ])
  t.same(faults({ ...peer({}), routes }), [
    'routes[0].withoutSidecar: "office" has no `endpoints`, so this host cannot find out whether a sidecar runs there; ' +
      'write where it would be reached, or leave this out',
  ])
  t.same(faults({ ...peer({}), routes: [{ ...routes[0], peer: 'ofice' }] }), [
    'routes[0].peer: no peer is named "ofice"; did you mean "office"?',
  ])
  t.same(faults({ ...dialed, routes: [{ ...routes[0], withoutSidecar: 'fallback' }] }), [
    'routes[0].withoutSidecar: must be hold or direct',
  ])
})

t.test('two routes for the same host and ports are a fault, and overlapping ones are not', async t => {
  const routes = [
    { to: '10.0.0.0/8', peer: 'office' },
    { to: '10.1.0.0/16', peer: 'office' },
    { to: '10.0.0.0/8', ports: [80], peer: 'office' },
    { to: '10.0.0.0/8', ports: ['*'], peer: 'office' },
  ]
  t.same(faults({ ...peer({}), routes }), ['routes[3]: 10.0.0.0/8:* has a route already, routes[0]; leave one'])
})
