// The optional package koffi, which calls C. Apart from those who use it: their declarations must compile where it is not installed.

import type Koffi from 'koffi';
import { errorText } from './errors.ts';

/** The package; rejects with what to type where it is not installed. */
export async function loadKoffi(): Promise<typeof Koffi> {
  try {
    return (await import('koffi')).default;
  } catch (error) {
    throw new Error(`the package koffi is needed (npm install koffi): ${errorText(error)}`);
  }
}
