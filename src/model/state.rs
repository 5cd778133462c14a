//! How a stored state is declared: an enum, its words, and both ways through SQL.

/// Declares a state enum with its stored words. A test compares `ALL` with the table's CHECK.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stored word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// From the stored word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.as_str() == word)
            }
        }

        impl From<$name> for $crate::db::Arg {
            fn from(state: $name) -> Self { Self::from(state.as_str()) }
        }

        impl $crate::db::FromArg for $name {
            fn from_arg(value: &$crate::db::Arg) -> anyhow::Result<Self> {
                let word = String::from_arg(value)?;
                Self::parse(&word).ok_or_else(|| anyhow::anyhow!("unknown {} {word:?}", stringify!($name)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use states;
