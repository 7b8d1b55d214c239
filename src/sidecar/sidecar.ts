/**
 * Composition: listeners, forwards, peers and the address watch of one sidecar.
 *
 *     near:  application -> forward (capture) -> Applications -> Association -> Path -> carrier
 *     far:   carrier -> Path -> Association -> Applications -> destination (egress)
 */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { withAdvice } from '../base/codes.ts'
import {
  type Endpoint,
  formatEndpoint,
  formatHostPort,
  type HostPort,
  isLoopback,
  isWildcard,
} from '../base/endpoint.ts'
import { OperatorError } from '../base/errors.ts'
import { LIMITS } from '../base/limits.ts'
import type { Capture, CapturedConnection } from '../capture/capture.ts'
import { type Forward, listenForward } from '../capture/forward.ts'
import { type ProxyFault, ProxySources } from '../capture/proxy-sources.ts'
import { Admission } from '../carrier/admission.ts'
import type { Carrier } from '../carrier/carrier.ts'
import { systemClock } from '../carrier/clock.ts'
import { dialCarrier } from '../carrier/dial.ts'
import { type Listener, listen } from '../carrier/listen.ts'
import { Resolver } from '../carrier/resolver.ts'
import type { Config, ForwardConfig, ListenConfig, PeerConfig } from '../config/config.ts'
import { AllowList } from '../egress/allow-list.ts'
import { dialDestination, lookUpName } from '../egress/dial-destination.ts'
import { DestinationLookups } from '../egress/lookups.ts'
import type { Counts } from '../firewall/counts.ts'
import type { PeerId } from '../secure/identity.ts'
import { Keyring } from '../secure/keyring.ts'
import { Budget } from '../session/budget.ts'
import { type AddressChange, type AddressWatch, watchAddresses } from '../watch/watch.ts'
import { Capturing, ownMark } from './capturing.ts'
import { Connections } from './connections.ts'
import { DescriptorAlarm } from './descriptor-alarm.ts'
import { Direct } from './direct.ts'
import { KernelCounts } from './kernel-counts.ts'
import { Near } from './near.ts'
import { Peer } from './peer.ts'
import { Preserving } from './preserving.ts'
import { Proxies } from './proxies.ts'
import type { Pump } from './pump.ts'
import { Reception } from './reception.ts'
import { Routes } from './routes.ts'
import type { Shared } from './shared.ts'
import type { MigrateResult, Sidecar, SidecarOptions } from './sidecar-api.ts'
import type { ForwardStatus, ProxyStatus, StatusReport } from './status.ts'
import { Suspending } from './suspending.ts'
import { type Totals, TotalsCounter } from './totals.ts'
import { VERSION } from './version.ts'

export function createSidecar(options: SidecarOptions): Sidecar {
  return new RunningSidecar(options)
}

class RunningSidecar implements Sidecar {
  readonly #config: Config
  readonly #options: SidecarOptions
  readonly #shared: Shared
  readonly #peers = new Map<PeerId, Peer>()
  readonly #allow = new Map<string, AllowList>()
  readonly #lookups = new DestinationLookups()
  readonly #reception: Reception
  readonly #admission = new Admission()
  readonly #near: Near
  readonly #proxies: Proxies
  readonly #kernelCounts: KernelCounts
  /** Of its own sockets, so that a capture leaves them alone. */
  readonly #mark: number | undefined
  readonly #startedAt = performance.now()
  #watch: AddressWatch | undefined
  #descriptorAlarm: DescriptorAlarm | undefined
  #listeners: Listener[] = []
  #capturing: Capturing | undefined
  #suspending: Suspending | undefined
  /** Every one that was opened. */
  readonly #captures: Capture[] = []
  #preserving: Preserving | undefined
  #forwards: { forward: Forward; config: ForwardConfig }[] = []
  #advertised = ''
  #started: Promise<void> = Promise.resolve()
  #pathIds = 0

  constructor(options: SidecarOptions) {
    this.#options = options
    this.#config = options.config
    this.#mark = ownMark(options.config)
    this.#kernelCounts = new KernelCounts(options.config)
    const own = { mark: this.#mark }
    const ca = options.config.ca === undefined ? {} : { ca: readText(options.config.ca) }
    this.#shared = {
      identity: options.identity,
      keyring: new Keyring<Pump>(),
      budget: new Budget(),
      totals: new TotalsCounter(),
      resolver: new Resolver(),
      clock: systemClock,
      connections: new Connections(systemClock),
      log: options.log,
      holdMs: options.config.holdMs,
      dial: async (endpoint, dialOptions) =>
        this.#watchOver(await dialCarrier(endpoint, { ...dialOptions, ...ca, ...own })),
      advertised: () => this.#endpoints().map(formatEndpoint),
      localAddresses: () => this.#watch?.addresses() ?? [],
      dialFar: (...asked) => this.#dialFar(...asked),
      isOwn: place => this.#isOwn(place),
      nextPathId: () => ++this.#pathIds,
      onSuspended: (pump, carrier) => this.#suspending?.begin(pump, carrier),
      onResumed: pump => this.#suspending?.end(pump),
      onPeerConnected: name => options.onPeerConnected?.(name),
      onPeerStopped: name => options.onPeerStopped?.(name),
    }
    this.#shared.budget.handlers = {
      onExhausted: () => queueMicrotask(() => this.#relieve()),
      onRelieved: () => queueMicrotask(() => this.#holdApplications()),
    }
    if (options.config.capture !== undefined) this.#shared.totals.beginCapture(options.config.capture.mode)
    this.#reception = new Reception(this.#shared, this.#admission, this.#peers)
    this.#near = this.#makeNear()
    this.#proxies = new Proxies({
      routes: options.config.routes,
      take: (connection, peer) => this.#near.take(connection, peer),
      totals: this.#shared.totals,
      log: options.log,
    })
  }

  get peerId(): string {
    return this.#options.identity.peerId
  }

  get listening(): readonly string[] {
    return this.#listeners.map(listener => formatEndpoint(listener.endpoint))
  }

  get forwards(): readonly ForwardStatus[] {
    return this.#forwards.map(({ forward, config }) => ({
      listen: formatHostPort(forward.local),
      peer: config.peer,
      to: formatHostPort(config.to),
    }))
  }

  get proxies(): readonly ProxyStatus[] {
    return this.#proxies.status()
  }

  start(): Promise<void> {
    this.#started = this.#open()
    return this.#started
  }

  /** Also one that is starting: what it has still to open would stay. */
  async stop(): Promise<void> {
    await this.#started.catch(() => {})
    await this.#close()
  }

  async #open(): Promise<void> {
    try {
      this.#suspending = Suspending.start(this.#config, this.#options.log, this.#shared.totals)
      this.#preserving = await Preserving.start(this.#config, this.#options.log)
      this.#watch = await watchAddresses({
        onChange: change => this.#handleAddresses(change),
        onWake: sleptMs => {
          this.#options.log.info('woke from sleep', { sleptMs: Math.round(sleptMs) })
          for (const peer of this.#peers.values()) peer.handleWake(sleptMs)
        },
      })
      this.#descriptorAlarm = new DescriptorAlarm(this.#options.log)
      if (this.#watch.source === 'poll') {
        const seconds = LIMITS.watchTickMs / 1_000
        this.#options.log.debug(`this system does not tell of address changes: looking every ${seconds} s`)
      }
      for (const one of this.#config.listen) this.#listeners.push(await this.#listen(one))
      this.#advertised = this.#shared.advertised().join()
      for (const peer of this.#config.peers) this.#addPeer(peer)
      for (const one of this.#config.forward) {
        const forward = await this.#forward(one)
        this.#captures.push(forward)
        this.#forwards.push({ forward, config: one })
      }
      for (const one of this.#config.proxy) this.#captures.push(await this.#proxies.open(one))
      const take = (connection: CapturedConnection) => this.#takeCaptured(connection)
      this.#capturing = await Capturing.start({ config: this.#config, log: this.#options.log, take })
      this.#captures.push(...(this.#capturing?.captures ?? []))
    } catch (error) {
      await this.#close()
      throw error
    }
  }

  async #close(): Promise<void> {
    await Promise.all([
      this.#capturing?.close(),
      this.#proxies.close(),
      ...this.#forwards.splice(0).map(({ forward }) => forward.close()),
    ])
    this.#near.stop()
    for (const peer of this.#peers.values()) peer.stop()
    this.#reception.stop()
    await Promise.all(this.#listeners.splice(0).map(listener => listener.close()))
    await this.#watch?.stop()
    this.#descriptorAlarm?.stop()
    await this.#shared.connections.closed()
    // A program that was told why it is refused has LIMITS.proxyLingerMs to read it.
    await Promise.all(this.#captures.map(({ ended }) => ended))
    this.#capturing?.removeRules()
    this.#preserving?.stop()
    await this.#suspending?.stop()
  }

  status(): StatusReport {
    return {
      version: VERSION,
      peerId: this.peerId,
      pid: process.pid,
      uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1000),
      listening: this.listening,
      forwards: this.forwards,
      proxies: this.proxies,
      peers: [...this.#peers.values()].map(peer => peer.status()),
    }
  }

  totals(): Totals {
    return this.#shared.totals.read()
  }

  kernelCounts(): Promise<Counts> {
    return this.#kernelCounts.latest()
  }

  async migrate(name?: string): Promise<readonly MigrateResult[]> {
    const peers = [...this.#peers.values()].filter(peer => name === undefined || peer.config.name === name)
    if (peers.length === 0) {
      const none = 'this sidecar has no peers; add them to its configuration and start it again'
      const message = name === undefined ? none : `no peer is named ${name}; see \`holdfast status\``
      return [{ peer: name ?? '', code: 'PEER_UNKNOWN_HERE', message }]
    }
    return peers.map(peer => ({ peer: peer.config.name, ...MIGRATE_ANSWERS[peer.migrate()] }))
  }

  // ---- parts

  #addPeer(config: PeerConfig): void {
    this.#allow.set(config.id, new AllowList(config.allow))
    this.#peers.set(config.id as PeerId, new Peer(config, this.#shared))
  }

  #listen({ endpoint, tls }: ListenConfig): Promise<Listener> {
    const files = tls === undefined ? {} : { tls: { cert: readText(tls.certFile), key: readText(tls.keyFile) } }
    return listen(endpoint, {
      ...files,
      admission: this.#admission,
      onCarrier: (carrier, place) => this.#reception.welcome(this.#watchOver(carrier), place),
      onAcceptFailed: error => this.#options.log.error(`cannot accept a connection: ${error.message}`),
    })
  }

  #watchOver(carrier: Carrier): Carrier {
    void carrier.closed.then(this.#shared.connections.add(() => carrier.destroy()))
    return carrier
  }

  #forward(config: ForwardConfig): Promise<Forward> {
    const { listen, to, peer, proxyProtocol } = config
    const proxySources =
      proxyProtocol && new ProxySources({ from: proxyProtocol.from, onFault: this.#reportProxyFault })
    return listenForward({ listen, proxySources }, (socket, client) => this.#near.open({ socket, to, client }, peer))
  }

  #takeCaptured(connection: CapturedConnection): void {
    this.#shared.totals.countCaptured(connection.to.host)
    this.#near.take(connection)
  }

  readonly #reportProxyFault = (code: ProxyFault, detail: string, source: HostPort) => {
    const from = formatHostPort(source)
    this.#options.log.warn(`a connection from ${from} was reset: ${withAdvice(code, detail)}`, { code, from })
  }

  #makeNear(): Near {
    const { connections, totals, log } = this.#shared
    // Whoever may use this host's listeners may reach what this host may.
    const anything = new AllowList(['0.0.0.0/0:*', '[::]/0:*'])
    const direct = new Direct({
      dial: async (to, found, signal) => {
        if (typeof found === 'string') return found
        const lookup = found === undefined ? this.#lookUpOwn : async () => found
        return dialDestination(to, anything, { signal, lookup, mark: this.#mark })
      },
      connections,
      totals,
      onFailed: (code, { client, to }) => log.debug(`a direct connection failed: ${code}`, { client, to }),
    })
    const lookUp = (name: string) => lookUpName(name, { lookup: this.#lookUpOwn, signal: new AbortController().signal })
    return new Near({
      routes: new Routes(this.#config.routes),
      pumpOf: name => this.#peerNamed(name)?.pump,
      presenceOf: name => this.#peerNamed(name)?.presence,
      lookUp,
      direct,
    })
  }

  /** Lookups of this host's own applications are one more asker beside the peers. */
  readonly #lookUpOwn = (name: string, signal: AbortSignal) => this.#lookups.ask('', name, signal, LIMITS.ownLookupsMax)

  #peerNamed(name: string): Peer | undefined {
    return [...this.#peers.values()].find(one => one.config.name === name)
  }

  #dialFar(...[peer, request, signal, explain]: Parameters<Shared['dialFar']>): ReturnType<Shared['dialFar']> {
    return dialDestination(request, this.#allow.get(peer.id) ?? new AllowList([]), {
      signal,
      explain,
      caller: request,
      mark: this.#mark,
      lookup: (name, until) => this.#lookups.ask(peer.id, name, until),
    })
  }

  /** As configured, or the listen URLs with wildcards replaced by this host's addresses. */
  #endpoints(): readonly Endpoint[] {
    if (this.#config.advertise.length > 0) return this.#config.advertise
    const addresses = this.#watch?.addresses() ?? []
    return this.#listeners.flatMap(({ endpoint }) =>
      isWildcard(endpoint.host)
        ? addresses.filter(host => endpoint.host === '::' || !host.includes(':')).map(host => ({ ...endpoint, host }))
        : [endpoint],
    )
  }

  #isOwn({ host, port }: HostPort): boolean {
    const isHere = this.#shared.localAddresses().includes(host) || isLoopback(host)
    return this.#listeners.some(({ endpoint }) => {
      if (endpoint.port !== port) return false
      if (!isWildcard(endpoint.host)) return endpoint.host === host
      return isHere && (endpoint.host === '::' || !host.includes(':'))
    })
  }

  /** Memory is exhausted: who has been without a path for longest gives way; if that is not enough, applications wait. */
  #relieve(): void {
    const { budget, log } = this.#shared
    const suspended = this.#pumps().filter(({ engine }) => engine.suspendedAt !== undefined)
    suspended.sort((a, b) => a.engine.suspendedAt! - b.engine.suspendedAt!)
    for (const pump of suspended) {
      if (!budget.isExhausted) break
      const bytes = pump.relieve(budget.totalBytes / 16)
      if (bytes > 0)
        log.warn('memory is short: sessions without a path were reset', { code: 'BUDGET_EXHAUSTED', bytes })
    }
    this.#holdApplications()
  }

  #holdApplications(): void {
    for (const pump of this.#pumps()) pump.applications.handleHeld()
  }

  #pumps(): Pump[] {
    return [...this.#peers.values()].flatMap(peer => [...peer.pumps])
  }

  #handleAddresses({ gone, added, isLinkEvent }: AddressChange): void {
    this.#options.log.debug('addresses changed', { gone, added, isLinkEvent })
    const advertised = this.#shared.advertised().join()
    const isEndpointsChanged = advertised !== this.#advertised
    this.#advertised = advertised
    for (const peer of this.#peers.values()) peer.handleAddresses({ gone, isLinkEvent, isEndpointsChanged })
  }
}

const MIGRATE_ANSWERS: Readonly<Record<ReturnType<Peer['migrate']>, Omit<MigrateResult, 'peer'>>> = {
  moved: { code: 'moved', message: 'a move was begun; see `holdfast status`' },
  refused: {
    code: 'UNREACHABLE',
    message: 'there is no path to move from, or a move is under way; see `holdfast status`',
  },
  nowhere: {
    code: 'UNREACHABLE',
    message: 'this side knows no endpoint of the peer to move to; run `holdfast migrate` on the other side',
  },
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new OperatorError('FILE_UNREADABLE', `cannot read ${file}: ${(cause as Error).message}`, { cause })
  }
}
