/**
 * What no schema can say: names that lead nowhere, things that are there twice, files that must come together. It looks at the
 * document as it was written, so that these faults are told together with those of the schema.
 */
import { resolve } from 'node:path'
import { parseAllowRule } from '../base/allow-rule.ts'
import { formatHostPort, isLoopback, parseEndpoint, parseHostPort } from '../base/endpoint.ts'
import { LIMITS } from '../base/limits.ts'
import { atHome } from './home.ts'
import { type Path, type Report, valueAt } from './issues.ts'
import { DEFAULT_IDENTITY, DEFAULT_SOCKET, routeRules } from './schema.ts'
import { didYouMean } from './words.ts'

/**
 * @param value anything; what is missing or of a wrong type is passed over
 * @param ownId this host's peer ID, where it is known
 */
export function reportMeaning(value: unknown, directory: string, ownId: string | undefined, report: Report): void {
  checkPeers(value, ownId, report)
  checkForwards(value, report)
  checkRoutes(value, report)
  checkProxies(value, report)
  checkCapture(value, report)
  checkListeners(value, report)
  checkPlaces(value, report)
  checkSocket(value, directory, report)
}

function checkPeers(value: unknown, ownId: string | undefined, report: Report): void {
  const names = texts(value, 'peers', 'name')
  const ids = texts(value, 'peers', 'id')
  repeats(names, i => report(['peers', i, 'name'], `the name "${names[i]}" is used twice`))
  repeats(ids, i => report(['peers', i, 'id'], 'this peer ID is there twice; write one entry with all its endpoints'))
  ids.forEach((id, i) => {
    if (id === undefined || id !== ownId) return
    report(['peers', i, 'id'], 'this is the peer ID of this host itself; write that of the other machine')
  })
}

function checkForwards(value: unknown, report: Report): void {
  checkPeerNames(value, 'forward', report)
}

/** Two routes with the same host and ports would leave open which of them decides. */
function checkRoutes(value: unknown, report: Report): void {
  checkPeerNames(value, 'routes', report)
  checkWithoutSidecar(value, report)
  const seen = new Map<string, number>()
  entries(value, 'routes').forEach((one, i) => {
    const [to, ports = ['*']] = [valueAt(one, ['to']), valueAt(one, ['ports'])]
    if (typeof to !== 'string' || !Array.isArray(ports)) return
    for (const rule of routeRules(to, ports)) {
      const first = seen.get(rule)
      if (first === undefined) seen.set(rule, i)
      else report(['routes', i], `${rule} has a route already, routes[${first}]; leave one`)
    }
  })
}

/** Only a peer that is dialed can be found to run no sidecar. */
function checkWithoutSidecar(value: unknown, report: Report): void {
  entries(value, 'routes').forEach((one, i) => {
    const name = valueAt(one, ['peer'])
    const peer = entries(value, 'peers').find(peer => valueAt(peer, ['name']) === name)
    const { length } = entries(peer, 'endpoints')
    if (valueAt(one, ['withoutSidecar']) !== 'direct' || peer === undefined || length > 0) return
    const why = `"${name}" has no \`endpoints\`, so this host cannot find out whether a sidecar runs there`
    report(['routes', i, 'withoutSidecar'], `${why}; write where it would be reached, or leave this out`)
  })
}

/** Whoever reaches an open proxy reaches all that this host does. */
function checkProxies(value: unknown, report: Report): void {
  checkPeerNames(value, 'proxy', report)
  entries(value, 'proxy').forEach((one, i) => {
    const user = valueAt(one, ['auth', 'user'])
    if (typeof user === 'string' && user.includes(':')) {
      report(['proxy', i, 'auth', 'user'], 'has a colon, and HTTP has no way to send such a name; choose another')
    }
    const listen = valueAt(one, ['listen'])
    const host = typeof listen === 'string' ? parseHostPort(listen)?.host : undefined
    if (host === undefined || isLoopback(host) || valueAt(one, ['auth']) !== undefined) return
    const todo = 'add auth: {user: …, password: …}, or listen on 127.0.0.1'
    report(['proxy', i, 'listen'], `other machines can reach ${host}, and all of them could use this proxy; ${todo}`)
  })
}

/** Rules of the firewall know addresses, and of forwarded packets nobody knows a user. */
function checkCapture(value: unknown, report: Report): void {
  const capture = valueAt(value, ['capture'])
  if (typeof capture !== 'object' || capture === null) return
  const isNetwork = (to: string | undefined) => {
    const rule = to === undefined ? to : parseAllowRule(routeRules(to, ['*'])[0]!)
    return typeof rule === 'object' && rule.kind === 'network'
  }
  if (!texts(value, 'routes', 'to').some(isNetwork)) {
    report(['capture'], 'there is nothing to capture: write a route to a network or an address under `routes`')
  }
  if (valueAt(capture, ['mode']) !== 'tproxy') return
  for (const key of ['users', 'cgroups', 'except']) {
    if (valueAt(capture, [key]) === undefined) continue
    report(
      ['capture', key],
      'forwarded connections have neither user nor cgroup; leave it out, or write mode: redirect',
    )
  }
}

function checkPeerNames(value: unknown, key: string, report: Report): void {
  const names = texts(value, 'peers', 'name').filter(name => name !== undefined)
  texts(value, key, 'peer').forEach((peer, i) => {
    if (peer === undefined || names.includes(peer)) return
    report([key, i, 'peer'], `no peer is named "${peer}"${didYouMean(peer, names)}`)
  })
}

function checkListeners(value: unknown, report: Report): void {
  entries(value, 'listen').forEach((one, i) => {
    const scheme = parseEndpoint(urlOf(one) ?? '')?.scheme
    const [cert, key] = [valueAt(one, ['cert']), valueAt(one, ['key'])]
    if (scheme === 'wss' && (cert === undefined || key === undefined)) {
      report(['listen', i], 'a wss listener needs `cert` and `key`; write {url: wss://…, cert: FILE, key: FILE}')
    }
    if (scheme !== undefined && scheme !== 'wss' && (cert !== undefined || key !== undefined)) {
      report(['listen', i], `\`cert\` and \`key\` are for wss, and this is ${scheme}; write wss://… or leave them out`)
    }
  })
}

/** One address and port can be listened on once, by whatever part. */
function checkPlaces(value: unknown, report: Report): void {
  const places: { path: Path; place: string | undefined }[] = []
  entries(value, 'listen').forEach((one, i) => {
    const endpoint = parseEndpoint(urlOf(one) ?? '')
    places.push({ path: ['listen', i], place: endpoint === undefined ? undefined : formatHostPort(endpoint) })
  })
  texts(value, 'forward', 'listen').forEach((address, i) => {
    places.push({ path: ['forward', i, 'listen'], place: address })
  })
  texts(value, 'proxy', 'listen').forEach((address, i) => {
    places.push({ path: ['proxy', i, 'listen'], place: address })
  })
  const port = valueAt(value, ['capture', 'port'])
  if (typeof port === 'number') places.push({ path: ['capture', 'port'], place: `127.0.0.1:${port}` })
  repeats(
    places.map(({ place }) => (place === undefined || parseHostPort(place)?.port === 0 ? undefined : place)),
    i => report(places[i]!.path, `${places[i]!.place} is listened on twice`),
  )
}

function checkSocket(value: unknown, directory: string, report: Report): void {
  const socket = valueAt(value, ['admin', 'socket'])
  const path = resolve(directory, atHome(typeof socket === 'string' ? socket : DEFAULT_SOCKET))
  const identity = valueAt(value, ['identity'])
  if (path === resolve(directory, atHome(typeof identity === 'string' ? identity : DEFAULT_IDENTITY))) {
    report(['admin', 'socket'], `${path} is the identity file; choose another path`)
  }
  const bytes = Buffer.byteLength(path)
  if (bytes <= LIMITS.socketPathBytesMax) return
  const most = `a unix socket takes at most ${LIMITS.socketPathBytesMax}`
  report(['admin', 'socket'], `the path ${path} has ${bytes} bytes and ${most}; write a shorter path`)
}

function entries(value: unknown, key: string): readonly unknown[] {
  const list = valueAt(value, [key])
  return Array.isArray(list) ? list : []
}

function texts(value: unknown, list: string, key: string): readonly (string | undefined)[] {
  return entries(value, list).map(one => {
    const found = valueAt(one, [key])
    return typeof found === 'string' ? found : undefined
  })
}

function urlOf(listener: unknown): string | undefined {
  const url = typeof listener === 'string' ? listener : valueAt(listener, ['url'])
  return typeof url === 'string' ? url : undefined
}

function repeats(values: readonly unknown[], found: (index: number) => void): void {
  values.forEach((value, i) => {
    if (value !== undefined && values.indexOf(value) < i) found(i)
  })
}
