/** What is wrong with the files that a configuration names: told with its other faults, before anything is started. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { OperatorError } from '../base/errors.ts'
import { atHome } from '../config/home.ts'
import { readTextFile } from '../config/identity-file.ts'
import { type Path, type Report, valueAt } from '../config/issues.ts'
import { DEFAULT_IDENTITY } from '../config/schema.ts'
import { identityOf } from './identity-of.ts'

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** @param value a configuration as it was written, which may have any other fault */
export function reportFiles(value: unknown, directory: string, report: Report): void {
  const files = new NamedFiles(value, directory, report)
  files.checkIdentity()
  const listeners = valueAt(value, ['listen'])
  if (Array.isArray(listeners)) for (const i of listeners.keys()) files.checkListener(i)
  files.checkAuthorities()
}

class NamedFiles {
  readonly #value: unknown
  readonly #directory: string
  readonly #report: Report

  constructor(value: unknown, directory: string, report: Report) {
    this.#value = value
    this.#directory = directory
    this.#report = report
  }

  checkIdentity(): void {
    const isLeftOut = valueAt(this.#value, ['identity']) === undefined
    const file = isLeftOut ? resolve(this.#directory, DEFAULT_IDENTITY) : this.#fileAt(['identity'])
    if (file !== undefined) this.#try(['identity'], () => identityOf(file))
  }

  checkListener(index: number): void {
    const [certPath, keyPath] = [
      ['listen', index, 'cert'],
      ['listen', index, 'key'],
    ]
    const cert = this.#read(certPath!, certificateOf, 'holds no certificate in PEM form')
    const key = this.#read(keyPath!, keyOf, 'holds no private key in PEM form, or one with a password')
    if (cert === undefined || key === undefined) return
    if (!cert.it.checkPrivateKey(key.it)) {
      this.#report(
        keyPath!,
        `${key.file} is not the key of the certificate ${cert.file}; name the two that belong together`,
      )
      return
    }
    try {
      createSecureContext({ cert: cert.text, key: key.text })
    } catch (error) {
      this.#report(certPath!, `${cert.file} and ${key.file} are of no use to TLS: ${(error as Error).message}`)
    }
  }

  checkAuthorities(): void {
    this.#read(['ca'], authoritiesOf, 'holds no certificate in PEM form, or a damaged one')
  }

  /** @returns undefined where no file is named, and where it has been told why there is nothing in it */
  #read<T>(path: Path, parse: (text: string) => T, fault: string): { file: string; text: string; it: T } | undefined {
    const file = this.#fileAt(path)
    const text = file === undefined ? undefined : this.#try(path, () => readTextFile(file))
    if (file === undefined || text === undefined) return undefined
    try {
      return { file, text, it: parse(text) }
    } catch {
      this.#report(path, `${file} ${fault}`)
      return undefined
    }
  }

  #fileAt(path: Path): string | undefined {
    const name = valueAt(this.#value, path)
    return typeof name === 'string' ? resolve(this.#directory, atHome(name)) : undefined
  }

  #try<T>(path: Path, run: () => T): T | undefined {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#report(path, error.message)
      return undefined
    }
  }
}

function certificateOf(text: string): X509Certificate {
  return new X509Certificate(text)
}

function keyOf(text: string): KeyObject {
  return createPrivateKey(text)
}

/** Node passes over what is no certificate, and would then trust nobody. */
function authoritiesOf(text: string): readonly X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? ['']
  return blocks.map(certificateOf)
}
