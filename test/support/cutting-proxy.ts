/** Carries TCP connections to another local port, and ends one of them after a number of bytes. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Teardown } from './cli-host.ts'

export type Way = 'there' | 'back'

export interface Cut {
  readonly way: Way
  /** So many bytes still arrive; both ends then see the end of the connection. */
  readonly bytes: number
}

export class CuttingProxy {
  readonly port: number
  /** Where it leads to. */
  target = 0
  /** Ends whichever connection carries so many bytes first, counted from its own beginning; undefined: none. */
  cut: Cut | undefined
  /** Cuts that have happened. */
  cuts = 0
  readonly #open = new Set<Socket>()

  private constructor(port: number) {
    this.port = port
  }

  static async start(t: Teardown): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: true }, client => proxy.#carry(client))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const proxy = new CuttingProxy((server.address() as AddressInfo).port)
    t.teardown(() => {
      server.close()
      proxy.endAll()
    })
    return proxy
  }

  /** Ends what there is. */
  endAll(): void {
    for (const socket of this.#open) socket.destroy()
  }

  #carry(client: Socket): void {
    const far = connect(this.target, '127.0.0.1')
    this.#join(client, far, 'there')
    this.#join(far, client, 'back')
  }

  #join(from: Socket, to: Socket, way: Way): void {
    this.#open.add(from)
    from.on('error', () => {})
    from.on('close', () => {
      this.#open.delete(from)
      to.destroy()
    })
    let bytes = 0
    from.on('data', chunk => {
      const left = this.cut?.way === way ? this.cut.bytes - bytes : Number.POSITIVE_INFINITY
      bytes += chunk.length
      if (left > chunk.length) return void to.write(chunk)
      this.cut = undefined
      this.cuts++
      from.removeAllListeners('data').resume()
      to.end(chunk.subarray(0, left), () => from.destroy())
    })
  }
}
