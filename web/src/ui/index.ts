// The building blocks of every page. The chart is not here: pages that draw load it on their own.
export * from "./Button";
export * from "./Choice";
export * from "./Copyable";
export * from "./Dialog";
export * from "./Field";
export * from "./Kbd";
export * from "./Menu";
export * from "./Page";
export * from "./Popover";
export * from "./Sparkline";
export * from "./States";
export * from "./Status";
export * from "./Table";
export * from "./Time";
export * from "./Toast";
export * from "./Tooltip";
