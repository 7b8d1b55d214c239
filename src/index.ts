/** Holdfast as a library: a sidecar inside your own process, with the options and types of the configuration file. */
import { readIdentityFile } from './config/identity-file.ts'
import { checkConfig, loadConfig } from './config/load.ts'
import type { ConfigInput } from './config/schema.ts'
import { loadIdentity } from './secure/identity.ts'
import { createSidecar as create } from './sidecar/sidecar.ts'
import type { Log, Sidecar } from './sidecar/sidecar-api.ts'

export type { Code } from './base/codes.ts'
export { ConfigError, type ConfigFault, OperatorError } from './base/errors.ts'
export type { ConfigInput } from './config/schema.ts'
export { createIdentity } from './secure/identity.ts'
export type { Log, MigrateResult, Sidecar } from './sidecar/sidecar-api.ts'
export type {
  ForwardStatus,
  MigrationStatus,
  PathStatus,
  PeerStatus,
  ProxyStatus,
  SessionStatus,
  StatusReport,
} from './sidecar/status.ts'
export type { MigrationTotals, Totals } from './sidecar/totals.ts'

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * Makes a sidecar; nothing listens or dials before `start()`.
 *
 * @param config the keys of the configuration file, or the path of one; relative paths are relative to the file, or to the
 *   working directory
 * @param log where log lines go; by default nowhere
 * @throws ConfigError with every fault; OperatorError FILE_UNREADABLE, IDENTITY_EXPOSED, IDENTITY_INVALID
 *
 * @example
 * import { createSidecar } from 'holdfast'
 *
 * const sidecar = createSidecar({
 *   identity: 'identity.pem',
 *   peers: [{ name: 'office', id: 'hf1…', endpoints: ['tcp://203.0.113.7:7700'] }],
 *   forward: [{ listen: '127.0.0.1:15432', peer: 'office', to: '127.0.0.1:5432' }],
 * })
 * await sidecar.start()
 * console.log(sidecar.status().peers)
 * await sidecar.stop()
 */
export function createSidecar(config: ConfigInput | string, log: Log = SILENT): Sidecar {
  const read = (ownId?: string) =>
    typeof config === 'string' ? loadConfig(config, ownId) : checkConfig(config, process.cwd(), ownId)
  const identity = loadIdentity(readIdentityFile(read().identity))
  return create({ config: read(identity.peerId), identity, log })
}
