/**
 * TCP sockets that read into one buffer of the process: a buffer per socket would cost 64 KiB at rest, and one per read is
 * garbage that makes V8 collect the whole heap. libuv reads and calls back in one go, so the slab is free again when the
 * call returns. `onread` can only be given to a new net.Socket, so an accepted socket gives up its handle to one.
 */
import net from 'node:net'
import { LIMITS } from '../base/limits.ts'

/** The one buffer that all sockets read into; its content means nothing outside of a read callback. */
const SLAB = new Uint8Array(LIMITS.slabBytes)
/** Its beginning, for reads that are to bring less. */
const SLABS: readonly Uint8Array[] = [1, 4, 16].map(times => SLAB.subarray(0, times * LIMITS.readBytesMin))

/** The reading end of one socket: made before the socket, as Node wants its callback in the constructor. */
export class Reading {
  /** `chunk` is valid only during the call: the receiver copies. */
  receive: (chunk: Uint8Array) => void = () => {}

  get options(): { readonly onread: net.OnReadOpts } {
    const callback = (byteCount: number) => {
      this.receive(SLAB.subarray(0, byteCount))
      return true
    }
    return { onread: { buffer: SLAB, callback } }
  }
}

/**
 * The reading end of a socket whose bytes are kept: thousands of them must not bring a slab each before anybody can pause them.
 * It begins with LIMITS.readBytesMin, takes four times as much after a read that was full, and begins anew after one that was
 * not: how much is wanted is asked before the socket waits, and when bytes come much may have been taken by others.
 */
export class BoundedReading extends Reading {
  /** One read should not bring more than this; below LIMITS.readBytesMin it still brings that. */
  bytesMax: () => number = () => LIMITS.slabBytes
  #step = 0

  override get options(): { readonly onread: net.OnReadOpts } {
    const callback = (byteCount: number, slab: Uint8Array) => {
      if (byteCount === slab.length) this.#step = Math.min(this.#step + 1, SLABS.length - 1)
      else this.#step = 0
      this.receive(SLAB.subarray(0, byteCount))
      return true
    }
    // Asked after each read for the next one.
    return { onread: { buffer: () => this.#next(), callback } }
  }

  #next(): Uint8Array {
    const bytesMax = this.bytesMax()
    while (this.#step > 0 && SLABS[this.#step]!.length > bytesMax) this.#step--
    return SLABS[this.#step]!
  }
}

/** Parts of net.Socket that carry a connection from one object to another and have no public name. */
interface SocketParts {
  _handle: object | null
  server: unknown
  _server: unknown
}

/**
 * A socket on the connection of `accepted`, which comes from a server with `pauseOnConnect` and is dead afterwards.
 * The new one is paused.
 */
export function adoptSocket(accepted: net.Socket, reading: Reading, options: net.SocketConstructorOpts): net.Socket {
  const old = accepted as unknown as SocketParts
  const untyped = { ...options, ...reading.options, pauseOnCreate: true, handle: old._handle }
  const socket = new net.Socket(untyped as net.SocketConstructorOpts)
  const parts = socket as unknown as SocketParts
  // The server counts its sockets down by the object that is destroyed; else its close() would never complete.
  parts.server = old.server
  parts._server = old._server
  old._server = null
  old._handle = null
  return socket
}
