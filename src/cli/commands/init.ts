import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { OperatorError } from '../../base/errors.ts'
import { createIdentity, loadIdentity } from '../../secure/identity.ts'
import { CONFIG_FILE } from '../find-config.ts'
import { identityOf } from '../identity-of.ts'

const IDENTITY_FILE = 'identity.pem'

/**
 * Writes both files or neither, and never over what is there. The peer ID alone goes to stdout, for scripts.
 * @throws OperatorError FILE_EXISTS, FILE_UNWRITABLE
 */
export async function init(directory: string): Promise<void> {
  const [identityFile, configFile] = [IDENTITY_FILE, CONFIG_FILE].map(name => join(resolve(directory), name))
  for (const file of [identityFile!, configFile!]) {
    if (existsSync(file)) {
      throw new OperatorError('FILE_EXISTS', `${file} exists already, and nothing was written: choose another --dir`)
    }
  }
  const pem = await createIdentity()
  const { peerId } = loadIdentity(pem)
  try {
    makeDirectory(resolve(directory))
    writeBoth([identityFile!, pem, 0o600], [configFile!, template(peerId), 0o666])
  } catch (cause) {
    const message = `cannot write into ${resolve(directory)}: ${(cause as Error).message}`
    throw new OperatorError('FILE_UNWRITABLE', message, { cause })
  }
  process.stderr.write(`wrote ${identityFile}, the key of this host, and ${configFile}; its peer ID is\n`)
  process.stdout.write(`${peerId}\n`)
  process.stderr.write(
    `next: write this ID under \`peers\` on the other machine, and its ID under \`peers\` here; then run\n` +
      `  holdfast up --config ${configFile}\n`,
  )
}

/** @throws OperatorError FILE_UNREADABLE, IDENTITY_EXPOSED, IDENTITY_INVALID */
export function printId(directory: string): void {
  process.stdout.write(`${identityOf(join(resolve(directory), IDENTITY_FILE)).peerId}\n`)
}

/** Not mkdir's own `recursive`, which never returns where a missing directory cannot be made, as below a dangling link. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  if (path !== dirname(path)) makeDirectory(dirname(path))
  mkdirSync(path)
}

/** What was begun goes, too, when one cannot be written whole: a full disk has room for an empty file. */
function writeBoth(...files: readonly (readonly [file: string, text: string, mode: number])[]): void {
  const made: string[] = []
  try {
    for (const [file, text, mode] of files) {
      const descriptor = openSync(file, 'wx', mode)
      made.push(file)
      try {
        writeFileSync(descriptor, text)
      } finally {
        closeSync(descriptor)
      }
    }
  } catch (error) {
    for (const file of made) rmSync(file)
    throw error
  }
}

/** An example line is `#` and the line itself, so that a configuration is left when the `#` goes, with a blank or without. */
function template(peerId: string): string {
  return `# Holdfast. This host's peer ID, which the other side writes under its peers:
# ${peerId}
# Relative paths are relative to this file. Every key is explained in docs/configuration.md.
# To use an example, take away the # at the beginning of its lines, and put your values in.

# This host's key. Nobody else may read it.
identity: identity.pem

# Where peers can reach this host. Write [] on a host that only dials. Further entries may be such as
# 'ws://[::]:7780/holdfast' or {url: 'wss://[::]:443/holdfast', cert: cert.pem, key: key.pem}
listen: ['tcp://[::]:7700']

# What peers are told to dial. Default: the listen URLs with this host's current addresses.
#advertise: ['tcp://host.example.com:7700']

# The other sidecars; anybody else is refused. The ID is what holdfast id prints on the other machine; endpoints are where
# to dial it, and may be empty if it dials us; allow is what it may reach through this host, by default nothing.
#peers:
#  - name: office
#    id: hf1…
#    endpoints: ['tcp://203.0.113.7:7700']
#    allow: ['127.0.0.1:5432']

# Local ports that lead to destinations on a peer's side.
#forward:
#  - {listen: '127.0.0.1:15432', peer: office, to: '127.0.0.1:5432'}

# What is reached through which peer without a forward, and a proxy for programs: SOCKS5 and HTTP CONNECT on one port.
#routes:
#  - {to: '*.internal', peer: office}
#proxy:
#  - {listen: '127.0.0.1:1080'}

# How long connections are kept without any path.
hold: 24h

# How \`holdfast status\` speaks to the running sidecar.
admin: {socket: holdfast.sock}
`
}
