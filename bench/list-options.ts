// Lists on a lab's command line: of names that there are, of numbers within bounds; what does not fit, in one line.
import { InvalidArgumentError } from 'commander';

/** `what`: what each is, for errors. Some names have a comma of their own, with a space behind it. */
export function namedList<T extends { readonly name: string }>(what: string, all: readonly T[]) {
  return (text: string): T[] => {
    const names = text.split(/,(?! )/).map((name) => name.trim());
    return names.map((name) => {
      const found = all.find((one) => one.name === name);
      if (found) return found;
      throw new InvalidArgumentError(
        `There is no ${what} '${name}', only: ${all.map((one) => one.name).join('; ')}.`,
      );
    });
  };
}

export function numberWithin(text: string, min: number, max: number, isWhole: boolean): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
    throw new InvalidArgumentError(
      `It must be ${isWhole ? 'whole numbers' : 'numbers'} from ${min} to ${max}.`,
    );
  }
  return value;
}

export const numberList = (min: number, max: number, isWhole: boolean) => (text: string) =>
  text.split(',').map((one) => numberWithin(one, min, max, isWhole));
