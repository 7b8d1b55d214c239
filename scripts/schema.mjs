// Writes build/config.schema.json, the JSON Schema of holdfast.yaml for editors. Needs the compiled src/config.
import { writeFileSync } from 'node:fs'
import { jsonSchema } from '../build/src/config/schema.js'

writeFileSync('build/config.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`)
