import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { show, type Showing, type View } from './view.ts'

const jwt = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln'
const view: View = {
  data: { name: 'a', list: [{ id: 1 }], note: "it's" },
  tables: [{ rows: [['name', 'a'], ['evil', '\u001b[2J\u202e'], ['token', jwt]] }, { head: ['ID', 'STATE'], rows: [['1', 'up'], ['10', 'down']] }],
  jwt,
  env: { SYMBOLON_TOKEN: jwt, NOTE: "it's" },
}

function shown(showing: Partial<Showing>, tty = false, of = view): string {
  let text = ''
  show(of, { color: true, ...showing }, { write: (more: string) => (text += more), isTTY: tty })
  return text
}

test('a table on a terminal, JSON elsewhere', () => {
  expect(JSON.parse(shown({}))).toEqual(view.data)
  expect(shown({}, true)).toContain('name   a\n')
})
test('columns are aligned, and headings are bold on a terminal unless NO_COLOR', () => {
  expect(shown({ format: 'table' }).split('\n\n')[1]).toBe(`ID  STATE\n1   up\n10  down\n`)
  expect(shown({ format: 'table' }, true)).toContain('\u001b[1mID  STATE\u001b[22m\n')
  expect(shown({ format: 'table', color: false }, true)).not.toContain('\u001b')
})
test('nothing in a table can steer the terminal, and a token is whole', () => {
  const text = shown({ format: 'table' })
  expect(text).toContain('evil   ?[2J?\n')
  expect(text).toContain(`token  ${jwt}\n`)
})
test('yaml', () => expect(parse(shown({ format: 'yaml' }))).toEqual(view.data))
test('env can be read by a shell', () => expect(shown({ format: 'env' })).toBe(`SYMBOLON_TOKEN=${jwt}\nNOTE='it'\\''s'\n`))
test('env of a view without any is its plain fields', () => expect(shown({ format: 'env' }, false, { data: view.data, tables: [] })).toBe(`SYMBOLON_NAME=a\nSYMBOLON_NOTE='it'\\''s'\n`))
test('jwt and raw are the token alone', () => expect([shown({ format: 'jwt' }), shown({ format: 'raw' })]).toEqual([`${jwt}\n`, `${jwt}\n`]))
test('jwt of a command that makes none is an error', () => expect(() => shown({ format: 'jwt' }, false, { data: {}, tables: [] })).toThrow('There is no token to print'))
test('a field by path', () => expect([shown({ field: 'list.0.id' }), shown({ field: 'name' }), shown({ field: 'list' })]).toEqual(['1\n', 'a\n', '[{"id":1}]\n']))
test.each(['nope', 'list.9', '__proto__', 'name.length', 'list.length.x'])('the field %s is not there', (field) => expect(() => shown({ field })).toThrow(`There is no field ${field}`))
