import { findConfig } from './find-config.ts'

export interface SocketOptions {
  readonly config?: string
  readonly socket?: string
}

/** The admin socket of the running sidecar: named, or as its configuration says. */
export async function findSocket({ config, socket }: SocketOptions): Promise<string> {
  if (socket !== undefined) return socket
  const { loadConfig } = await import('../config/load.ts')
  return loadConfig(findConfig(config)).admin.socket!
}
