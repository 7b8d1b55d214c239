/**
 * Accepted connections until it is known whose they are: a pinned peer's as soon as its key was compared, a ticket's when its
 * Hello names the incarnation.
 */

import { performance } from 'node:perf_hooks'
import { type WireCode, withAdvice } from '../base/codes.ts'
import { formatHostPort } from '../base/endpoint.ts'
import type { Place } from '../base/places.ts'
import type { Admission } from '../carrier/admission.ts'
import type { Carrier } from '../carrier/carrier.ts'
import { SecureChannel } from '../secure/channel.ts'
import type { PeerId } from '../secure/identity.ts'
import { peekHello } from '../session/hello.ts'
import { Path, type PathOwner } from './path.ts'
import type { Peer } from './peer.ts'
import type { Pump } from './pump.ts'
import type { Shared } from './shared.ts'

export class Reception implements PathOwner {
  readonly #shared: Shared
  readonly #admission: Admission
  readonly #peers: ReadonlyMap<PeerId, Peer>
  readonly #paths = new Set<Path>()

  constructor(shared: Shared, admission: Admission, peers: ReadonlyMap<PeerId, Peer>) {
    this.#shared = shared
    this.#admission = admission
    this.#peers = peers
  }

  welcome(carrier: Carrier, place: Place): void {
    const { identity, keyring } = this.#shared
    const mayHandshake = () =>
      this.#admission.allowHandshake(carrier.remote.host, performance.now()) ? true : ('TOO_MANY_CONNECTIONS' as const)
    const admit = (peerId: PeerId) => this.#peers.get(peerId)?.admit() ?? 'PEER_UNKNOWN'
    const path = new Path({
      id: this.#shared.nextPathId(),
      carrier,
      owner: this,
      channel: handlers =>
        SecureChannel.accept<Pump>(
          { identity, keyring, admit, mayHandshake },
          {
            ...handlers,
            onReady: () => {
              place.release()
              handlers.onReady()
            },
          },
        ),
    })
    this.#paths.add(path)
    path.start()
  }

  handleReady(path: Path): void {
    const pump = this.#peers.get(path.channel.peerId!)?.pump ?? path.channel.keyset?.owner
    if (pump !== undefined) this.#handOver(path, pump)
  }

  /** A ticket's first record. */
  handleRecord(path: Path, parts: readonly Uint8Array[]): void {
    const hello = peekHello(parts)
    const pump = this.#peers.get(path.channel.peerId!)!.pumpFor(hello.incarnation)
    this.#handOver(path, pump)
    if (path.channel.isConfirmed) pump.handleConfirmed(path)
    pump.handleRecord(path, parts)
  }

  handleConfirmed(): void {}

  handleBlocked(): void {}

  handleLost(path: Path, code: WireCode | undefined, detail: string): void {
    this.#paths.delete(path)
    const from = formatHostPort(path.carrier.remote)
    if (code === undefined) return this.#shared.log.debug(`a connection ended early: ${detail}`, { from })
    this.#shared.log.warn(`a connection was refused: ${withAdvice(code, detail)}`, { code, from })
  }

  stop(): void {
    for (const path of [...this.#paths]) path.destroy('the sidecar stops')
  }

  #handOver(path: Path, pump: Pump): void {
    this.#paths.delete(path)
    pump.handleReady(path)
  }
}
