import { readFileSync } from 'node:fs'

/** From package.json, three folders above this file both in src/ and in build/src/ … */
export const VERSION: string = readVersion()

function readVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'))
      if (name === 'holdfast') return version
    } catch {
      // The other layout.
    }
  }
  return 'unknown'
}
