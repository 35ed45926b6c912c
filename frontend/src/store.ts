import { useEffect, useState, useSyncExternalStore } from "react";

/** A value that modules outside React may hold, and components may watch. */
export interface Store<T> {
  get(): T;
  /** Replaces the fields given; watchers are told if something has changed. */
  set(change: Partial<T>): void;
  watch(listener: () => void): () => void;
}

export function createStore<T extends object>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(change) {
      const fields = Object.keys(change) as (keyof T)[];
      if (fields.every((field) => Object.is(value[field], change[field]))) return;
      value = { ...value, ...change };
      for (const listener of [...listeners]) listener();
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.watch, store.get);
}

/** Returns a value once it has stayed the same for some time; without a wait at once. */
export function useLater<T>(value: T, wait_ms: number): T {
  const [known, setKnown] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setKnown(value), wait_ms);
    return () => window.clearTimeout(timer);
  }, [value, wait_ms]);
  return wait_ms ? known : value;
}
