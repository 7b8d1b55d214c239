import type { SocketOptions } from '../find-socket.ts'
import { findProxy, settingsText } from '../proxy-settings.ts'
import type { Shell } from '../shells.ts'

export interface ProxyEnvOptions extends SocketOptions {
  readonly shell: Shell
}

/** Prints what a shell evaluates. */
export async function proxyEnv(options: ProxyEnvOptions): Promise<void> {
  process.stdout.write(settingsText(await findProxy(options), options.shell, process.env))
}
