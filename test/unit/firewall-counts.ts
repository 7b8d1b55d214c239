import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCounts } from '../../src/firewall/counts.ts'
import { standIn, withoutShell } from '../support/stand-in.ts'

const LISTED = `table inet holdfast {
	counter own {
		packets 12 bytes 720
	}
	counter captured {
		packets 3 bytes 180
	}
}
`

t.test('counts of both tables are read by one process', { skip: withoutShell }, async t => {
  const directory = standIn(t, 'nft', `echo made >> made; cat > script; cat <<'END'\n${LISTED}END`)
  t.same(Object.fromEntries(await readCounts(['inet a', 'inet b'])), { own: 12, captured: 3 })
  t.equal(readFileSync(join(directory, 'script'), 'utf8'), 'list counters table inet a\nlist counters table inet b\n')
  t.equal(readFileSync(join(directory, 'made'), 'utf8'), 'made\n')
})

t.test('what nft refuses is told, and one that does not answer is ended', { skip: withoutShell }, async t => {
  standIn(t, 'nft', 'echo "Operation not permitted" >&2; exit 1')
  await t.rejects(readCounts(['inet a']), { message: /^this user may not change rules/ })
  standIn(t, 'nft', 'exec sleep 600')
  await t.rejects(readCounts(['inet a']), { message: /^`nft` did not end: / })
})
