package identity

import "strings"

// common holds the words that the commonest French and English passwords are made of, folded. Common passwords of
// twelve characters and more are these, repeated or lengthened by digits, which isCommon recognises.
var common = strings.Fields(`
motdepasse motpasse mdp passe password passwd pass passphrase secret secrets changeme changezmoi changer change me moi
azerty azertyuiop azertyuio azert qsdfgh qsdfghjklm wxcvbn qwerty qwertyuiop qwertz qwertzuiop asdfgh asdfghjkl zxcvbn zxcvbnm
qazwsx qaz wsx edc abc abcd abcde abcdef abcdefg abcdefgh abcdefghij abcdefghijkl abcdefghijklmnopqrstuvwxyz
bonjour bonsoir salut coucou bienvenue welcome hello hi
soleil doudou loulou chouchou cheval chocolat chat chien lapin papillon princesse nounours amour jetaime tamour
iloveyou iloveu love lover sunshine princess dragon monkey football foot rugby marseille paris lyon france bordeaux toulouse
nicolas camille julien thomas marie alexandre caroline sandrine isabelle michael ashley jessica jordan charlie
baseball basketball superman batman starwars pokemon naruto master shadow trustno letmein login admin administrateur
administrator root user utilisateur test tests testing demo guest invite temp temporaire entreprise bureau societe travail
computer ordinateur internet windows google facebook microsoft entraide support helpdesk serveur server
vacances maison famille maman papa mamie papi bebe liberte egalite fraternite
printemps ete automne hiver spring summer autumn winter janvier fevrier mars avril mai juin juillet aout septembre octobre
novembre decembre january february march april may june july august september october november december
lundi mardi mercredi jeudi vendredi samedi dimanche monday tuesday wednesday thursday friday saturday sunday
whatever freedom whoami killer hunter ranger cookie ginger pepper cheese summertime
`)
