// Keys of keyboards from several countries.
import { expect, test } from 'vitest'

import { action, type Focus, type Key } from '../../src/lib/keys'

function pressed(key: string, code = '', more: Partial<Key> = {}, focus: Focus = 'page') {
  return action({ key, code, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, ...more }, focus)
}

test('digits, letters and Enter', () => {
  expect(pressed('1', 'Digit1')).toEqual({ press: 1 })
  expect(pressed('0', 'Numpad0')).toEqual({ press: 0 })
  expect(pressed('Enter')).toBe('answer')
  expect(pressed('u', 'KeyU')).toBe('undo')
  expect(pressed('U', 'KeyU', { shiftKey: true })).toBe('redo')
  expect(pressed('r', 'KeyR')).toBe('redo')
  expect(pressed('?', 'Slash', { shiftKey: true })).toBe('help')
  expect(pressed('S', 'KeyS')).toBe('skip')
  expect(pressed('x', 'KeyX')).toBeNull()
})

test('a French keyboard has digits behind Shift, a Russian one other letters', () => {
  expect(pressed('&', 'Digit1')).toEqual({ press: 1 })
  expect(pressed('1', 'Digit1', { shiftKey: true })).toEqual({ press: 1 })
  expect(pressed('!', 'Digit1', { shiftKey: true })).toBeNull()
  expect(pressed('г', 'KeyU')).toBe('undo')
  expect(pressed('Г', 'KeyU', { shiftKey: true })).toBe('redo')
  // Where a Latin letter lies elsewhere, the letter counts.
  expect(pressed('q', 'KeyA')).toBeNull()
})

test('fields keep their keys, buttons their Enter, and the browser its own', () => {
  expect(pressed('u', 'KeyU', {}, 'field')).toBeNull()
  expect(pressed('Enter', '', {}, 'control')).toBeNull()
  expect(pressed('1', 'Digit1', {}, 'control')).toEqual({ press: 1 })
  expect(pressed('r', 'KeyR', { ctrlKey: true })).toBeNull()
})
