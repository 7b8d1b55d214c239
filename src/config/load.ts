/**
 * A YAML file as a checked Config. What YAML itself refuses is told with its line; else all faults of the content are, so a
 * person mends the file once.
 */
import { dirname, resolve } from 'node:path'
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from 'yaml'
import { ConfigError, type ConfigFault } from '../base/errors.ts'
import { check, type OutsideCheck, type OwnId, type RepeatedKey } from './check.ts'
import type { Config } from './config.ts'
import { readTextFile } from './identity-file.ts'
import type { Path } from './issues.ts'

export { checkConfig } from './check.ts'

/**
 * @param ownId this host's peer ID, which may not be among the peers, or how to learn it
 * @param reportOutside finds faults in the files that it names, say
 * @throws ConfigError with every fault; OperatorError FILE_UNREADABLE
 */
export function loadConfig(file: string, ownId?: OwnId, reportOutside?: OutsideCheck): Config {
  const lines = new LineCounter()
  const document = parseDocument(readTextFile(file), {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    // Warnings are faults here, and told as such.
    logLevel: 'error',
  })
  const syntax = [...document.errors, ...document.warnings].map(({ pos, code, message }) => {
    const what = code === 'MULTIPLE_DOCS' ? 'a second document begins here; a configuration is one document' : message
    return { path: '(syntax)', line: lines.linePos(pos[0]).line, message: what }
  })
  if (syntax.length > 0) throw new ConfigError(file, syntax)
  const source = {
    file,
    directory: dirname(resolve(file)),
    lineOf: (path: Path) => lineAt(document, lines, path),
    repeated: repeatedKeys(document, lines),
  }
  return check(contentOf(document, file), source, ownId, reportOutside)
}

/** An empty file has all defaults. */
function contentOf(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {}
  } catch (cause) {
    // An alias without an anchor, or too many of them.
    const fault: ConfigFault = { path: '(file)', line: 1, message: (cause as Error).message }
    throw new ConfigError(file, [fault])
  }
}

/** The line of the thing itself, or of the nearest that it is in: a missing key has none. */
function lineAt(document: Document, lines: LineCounter, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(document, path.slice(0, length))
    if (node?.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

/** The node at a path; where its last step is a key, that key's last place, since that is where a person looks. */
function nodeAt(document: Document, path: Path): Node | undefined {
  const parent = document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return document.getIn(path, true) as Node | undefined
  const pair = parent.items.findLast(({ key }) => isScalar(key) && String(key.value) === path.at(-1))
  return pair?.key as Node | undefined
}

function repeatedKeys(document: Document, lines: LineCounter): readonly RepeatedKey[] {
  const repeated: RepeatedKey[] = []
  visit(document, {
    Map(_key, map: YAMLMap, ancestors) {
      const places = new Map<string, number[]>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        places.set(name, [...(places.get(name) ?? []), lines.linePos(key.range![0]).line])
      }
      for (const [key, found] of places) {
        if (found.length > 1) repeated.push({ path: [...pathOf([...ancestors, map]), key], lines: found })
      }
    },
  })
  return repeated
}

/** @param nodes from the document down */
function pathOf(nodes: readonly unknown[]): Path {
  const path: PropertyKey[] = []
  nodes.forEach((node, i) => {
    if (isPair(node) && isScalar(node.key)) path.push(String(node.key.value))
    if (isSeq(node)) path.push(node.items.indexOf(nodes[i + 1]))
  })
  return path
}
