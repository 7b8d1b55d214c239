/** The models of test/model/ are of this program: their table is the one of the code, and each wrong rule is tried. */
import t from 'tap'
import { MIGRATION_TABLE } from '../../src/session/migration-table.ts'
import { filesBelow, readFile } from '../support/repository.ts'

/** `:: state[me] == stable && event == active_lost -> state[me] = suspended    / * suspend * /` */
const ROW = /^ +:: state\[me\] == (\w+) && event == (\w+) -> state\[me\] = (\w+) +\/\* (.+) \*\/$/gm

t.test('the model of migration has the rows of the migration table, and no other', async t => {
  const step = /^inline step\(event\) \{\n([\s\S]*?)^\}/m.exec(readFile('test/model/migration.pml'))![1]!
  const modelled = [...step.matchAll(ROW)].map(([, ...row]) => row)
  const listed = Object.entries(MIGRATION_TABLE).flatMap(([state, row]) =>
    Object.entries(row).map(([event, { to, action }]) => [state, nameOf(event), to, action]),
  )
  t.equal(modelled.length, step.match(/::/g)!.length - 1, 'every line but the last can be read')
  t.same(modelled, listed)
})

t.test('every event of the table happens in the model of migration', async t => {
  const model = readFile('test/model/migration.pml')
  const events = new Set(Object.values(MIGRATION_TABLE).flatMap(row => Object.keys(row).map(nameOf)))
  // Time is left out there, and what follows the hold time is another incarnation: restart.pml.
  events.delete('hold_over')
  for (const event of events) t.match(model, `step(${event})`, event)
})

t.test('every rule that a model can break is broken by npm run model, and no other', async t => {
  const wrong = (text: string) => [...new Set([...text.matchAll(/WRONG_\w*[A-Z]/g)].map(([name]) => name))].sort()
  const models = filesBelow('test/model').filter(path => path.endsWith('.pml'))
  t.same(wrong(readFile('scripts/model.mjs')), wrong(models.map(readFile).join('\n')))
})

/** An event in Promela's letters. */
function nameOf(event: string): string {
  return event.toLowerCase().replaceAll(/\W+/g, '_')
}
